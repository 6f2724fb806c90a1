"""Why the forge says no, with Gitea's status and body.

Refusal            any status
├── Unauthorized   401
├── Forbidden      403
├── NotFound       404, by default the same words whether it is hidden or isn't there
├── Conflict       409
├── Invalid        422
├── Locked         423
├── Moved          307, with where it is now
└── Silent         any status, and not a word
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

    def __init__(self, detail: str = "", *, message: str = "The target couldn't be found.") -> None:
        super().__init__(message)
        self.detail = detail


class Conflict(Refusal):
    status = 409


class Invalid(Refusal):
    status = 422


class Locked(Refusal):
    status = 423


class Moved(Refusal):
    """What was asked for has another name now; `location` is a path."""

    status = 307

    def __init__(self, location: str) -> None:
        super().__init__()
        self.location = location


class Silent(Refusal):
    """What Gitea answers with a bare status, without a body."""

    def __init__(self, status: int) -> None:
        super().__init__(status=status)
