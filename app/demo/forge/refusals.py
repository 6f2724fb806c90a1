"""Why the forge says no, with Gitea's status and body.

Refusal            any status
├── Unauthorized   401
├── Forbidden      403
├── NotFound       404, the same words whether it is hidden or isn't there; more only in `detail`
├── Conflict       409
└── Invalid        422
"""


class Refusal(Exception):
    """A request that is answered with an error; `status` is the HTTP status."""

    status = 400

    def __init__(self, message: str = "", *, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status or type(self).status


class Unauthorized(Refusal):
    status = 401


class Forbidden(Refusal):
    status = 403


class NotFound(Refusal):
    status = 404

    def __init__(self, detail: str = "") -> None:
        super().__init__("The target couldn't be found.")
        self.detail = detail


class Conflict(Refusal):
    status = 409


class Invalid(Refusal):
    status = 422
