"""Setting up and checking a connection on GitHub. `port.Connector` says what every method promises.

Relied on, out of GitHub's documentation (https://docs.github.com/rest):

* A classic token's scopes are in `X-OAuth-Scopes` of every answer; a fine-grained token has no such header, and
  nothing lists its permissions. What it may write is found out by writing to what can't be there: 403 says that it may
  not, and `X-Accepted-GitHub-Permissions` what it would take. `permissions` of a repository are the account's.
* A webhook's secret can be set anew; the events that are sent replace those that were.
* A repository's webhooks are shown to its administrators alone (404 for others), and made and changed by them. On a
  repository of a person's own nobody but the owner is one. Working doesn't take that, so a check never asks for it.
* The webhook of an App is the App's own, one for all repositories: nothing here changes it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from app.forges.github.answers import (
    BranchAnswer,
    Collaborator,
    HookAnswer,
    HookConfig,
    LabelAnswer,
    RepoStateAnswer,
)
from app.forges.github.api import GitHubApi
from app.forges.github.auth import App, Installation
from app.forges.github.reply import parse
from app.forges.http import MOVED, was_moved
from app.forges.port import Finding, ForgeDenied, ForgeError, ForgeNotFound, Hook
from app.forges.rest import Rest, repo_path, segment

EVENTS = (
    "issues",
    "issue_comment",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "push",
    "status",
)
Probe = tuple[str, str, dict[str, str] | None]
"""Method, path under the repository, body."""
_NO_COMMIT = "0" * 40
_READ_AND_WRITE: Mapping[str, Probe] = {
    "Issues": ("PATCH", "/issues/0", {}),
    "Pull requests": ("PATCH", "/pulls/0", {}),
    "Commit statuses": ("POST", f"/statuses/{_NO_COMMIT}", {"state": "success"}),
}
"""Permission → a change of what isn't there."""


class _State(RepoStateAnswer):
    owner: Collaborator

    @property
    def is_personal(self) -> bool:
        """Whether it is a person's own: then nobody else can be its administrator."""
        return self.owner.type == "User"


class Connecting(GitHubApi):
    """A GitHub that can also be set up."""

    def check(self, repo: str) -> list[Finding]:
        return list(self._token_findings(repo) if self._app is None else self._app_findings(self._app, repo))

    def ensure_label(self, repo: str, name: str, *, color: str, text: str) -> bool:
        try:
            self._get(repo, LabelAnswer, f"/labels/{segment(name)}")
        except ForgeNotFound:
            self._send(
                repo, "POST", "/labels", body={"name": name, "color": color, "description": text[:100]}
            )
            return True
        return False

    def hooks(self, repo: str) -> list[Hook]:
        """Of an App: its own webhook, under the id of the installation."""
        if self._app is None:
            return [_hook(one) for one in self._hooks(repo)]
        found = self._app.installation(repo)
        config = self._app_hook(self._app)
        if config is None:
            return []
        return [_hook(HookAnswer(id=found.id, active=True, events=found.events, config=config))]

    def ensure_hook(self, repo: str, *, url: str, secret: str) -> Hook:
        if self._app is not None:
            raise ForgeError(f"the webhook of a GitHub App is the App's own: {_by_hand(url)}")
        config = {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
        form = {"config": config, "events": [*EVENTS], "active": True}
        old = [one for one in self._hooks(repo) if one.config.url == url]
        with self._as_administrator(repo):
            if not old:
                made = self._send(repo, "POST", "/hooks", body=form | {"name": "web"})
                return _hook(parse(HookAnswer, made))
            kept = parse(HookAnswer, self._send(repo, "PATCH", f"/hooks/{old[0].id}", body=form))
        for one in old[1:]:
            self._remove_hook(repo, one.id)
        return _hook(kept)

    def test_hook(self, repo: str, hook_id: int) -> None:
        if self._app is not None:
            raise ForgeError(
                "GitHub makes no test delivery for an App: redeliver one under Advanced in the App's settings"
            )
        self._send(repo, "POST", f"/hooks/{hook_id}/pings", repeatable=True)

    def _hooks(self, repo: str) -> list[HookAnswer]:
        with self._as_administrator(repo):
            return list(self._pages(repo, HookAnswer, "/hooks"))

    @contextmanager
    def _as_administrator(self, repo: str) -> Iterator[None]:
        """Say what to do where GitHub doesn't let us at the webhooks. Where there is no `repo`, say that."""
        try:
            yield
        except (ForgeDenied, ForgeNotFound) as error:
            if error.status == 401:
                raise
            remedy = _webhook_remedy(self._get(repo, _State, ""))
            raise ForgeDenied(f"{error}; {remedy}", status=error.status) from error

    def _remove_hook(self, repo: str, hook_id: int) -> None:
        try:
            self._send(repo, "DELETE", f"/hooks/{hook_id}")
        except ForgeNotFound:
            return  # somebody else was quicker, or our first answer was lost

    def _app_hook(self, app: App) -> HookConfig | None:
        try:
            return self._client.get(app.auth, HookConfig, "/app/hook/config")
        except ForgeNotFound:
            return None  # it is switched off

    def _token_findings(self, repo: str) -> Iterator[Finding]:
        """Each thing in turn; ends early where the rest can't be asked."""
        token = self._client.token_auth(self._credentials.token(repo))
        try:
            headers = self._client.send(token, "GET", "/user").headers
        except ForgeDenied as error:
            remedy = f"{error}. Log in as the bot and make a token at {self._people('settings/tokens')}"
            yield _finding("the token is valid", remedy, ok=False)
            return
        yield _finding("the token is valid", "", ok=True)
        scopes = headers.get("x-oauth-scopes")
        state, seen = self._state(
            repo,
            "add the bot's account to it (Write is enough to work, making its webhook takes an administrator), and"
            " select it where the token is fine-grained",
        )
        yield seen
        if scopes is not None:
            yield from _scope_findings(scopes, private=state is None or state.private)
        if state is None:
            return
        yield from self._state_findings(repo, state)
        people = f"{self._people(state.full_name)}/settings/access"
        remedy = f"give the bot's account the role Write at {people}"
        yield _finding("the bot may write to it", remedy, ok=state.permissions.push)
        yield from self._right_findings(repo, state)

    def _right_findings(self, repo: str, state: _State) -> Iterator[Finding]:
        me = self.whoami()
        ask: Probe = ("GET", f"/collaborators/{segment(me.login)}/permission", None)
        needed = "Metadata: Read-only, and its account the role Write"
        yield self._may(repo, "it may ask what others may do", ask, needed)
        for name, probe in _READ_AND_WRITE.items():
            yield self._may(repo, f"the token may write {name}", probe, f"{name}: Read and write")
        yield self._git_finding(repo)
        yield self._hook_finding(repo, state)
        remedy = (
            "use an account of the bot's own: what this one writes or labels would be taken for the bot's"
        )
        yield _finding("the token isn't the owner's own", remedy, ok=me.id != state.owner.id)

    def _app_findings(self, app: App, repo: str) -> Iterator[Finding]:
        what = "app_private_key is the key of the App app_id"
        try:
            slug = app.itself().slug
        except (ForgeDenied, ForgeNotFound) as error:
            yield _finding(what, f"{error}. Make a private key in the App's settings", ok=False)
            return
        yield _finding(what, "", ok=True)
        what = f"the App is installed on {repo}"
        try:
            found = app.installation(repo)
        except (ForgeDenied, ForgeNotFound) as error:
            where = self._people(f"apps/{slug}/installations/new")
            yield _finding(what, f"{error}. Install it at {where}", ok=False)
            return
        except ForgeError as error:
            if not was_moved(error):
                raise
            yield _finding(what, MOVED, ok=False)
            return
        suspended = found.suspended_at is not None
        yield _finding(what, f"it is suspended: {found.html_url}", ok=not suspended)
        yield from self._installation_findings(app, found)
        if suspended or found.lacks():
            return
        state, seen = self._state(repo, "check the name")
        yield seen
        if state is not None:
            yield from self._state_findings(repo, state)
            yield self._git_finding(repo)

    def _installation_findings(self, app: App, found: Installation) -> Iterator[Finding]:
        for name, level in found.lacks().items():
            remedy = f"grant {name}: {level} in the App's settings, then accept it at {found.html_url}"
            yield _finding(f"the App has the permission {name}: {level}", remedy, ok=False)
        config, missing = self._app_hook(app), sorted({*EVENTS} - {*found.events})
        ok = config is not None and config.content_type == "json" and not missing
        subscribed = f" (missing: {', '.join(missing)})" if missing else ""
        yield _finding("the App's own webhook sends what we handle", _by_hand(None) + subscribed, ok=ok)

    def _state(self, repo: str, remedy: str) -> tuple[_State | None, Finding]:
        what = f"{repo} is there"
        try:
            return self._get(repo, _State, ""), _finding(what, "", ok=True)
        except (ForgeDenied, ForgeNotFound) as error:
            return None, _finding(what, f"{error}. Check the name; {remedy}", ok=False)
        except ForgeError as error:
            if not was_moved(error):
                raise
            return None, _finding(what, MOVED, ok=False)

    def _state_findings(self, repo: str, state: _State) -> Iterator[Finding]:
        settings = f"{self._people(state.full_name)}/settings"
        yield _finding("it isn't archived", f"bring it back to life at {settings}", ok=not state.archived)
        yield _finding("its issues are kept here", f"switch on issues at {settings}", ok=state.has_issues)
        has_one = bool(self._get(repo, list[BranchAnswer], "/branches?per_page=1"))
        yield _finding("it has a commit", "push a first commit to its default branch", ok=has_one)

    def _may(self, repo: str, what: str, probe: Probe, needed: str) -> Finding:
        """Whether GitHub lets us come as far as to find nothing there."""
        method, path, body = probe
        try:
            self._send(repo, method, path, body=body)
        except ForgeDenied as error:
            return _finding(what, f"{error}. Give the token {needed}", ok=False)
        except ForgeError as error:
            if error.retryable:
                raise
        return _finding(what, "", ok=True)

    def _hook_finding(self, repo: str, state: _State) -> Finding:
        """Never a fault: what is there and complete goes on without. Who has to make or change one is refused then."""
        what = "it may set webhooks"
        try:
            self._send(repo, "GET", "/hooks", query={"per_page": 1})
            if self._may(repo, what, ("PATCH", "/hooks/0", {}), "").ok:
                return _finding(what, "", ok=True)
        except (ForgeDenied, ForgeNotFound):
            pass  # they aren't even shown
        untold = f"not needed unless one has to be made or changed; then {_webhook_remedy(state)}"
        return _finding(f"it may not set webhooks: {untold}", "", ok=True)

    def _git_finding(self, repo: str) -> Finding:
        """Ask for what a push begins with; nothing is pushed."""
        what = "Git may push to it over HTTP"
        access = self.git_access(repo)
        name, _, value = (access.header or "").partition(": ")
        git = Rest(self.name, self._base, {name: value}, timeout_seconds=20)
        path = repo_path(repo).removeprefix("/repos") + ".git/info/refs"
        try:
            git.send("GET", path, query={"service": "git-receive-pack"}, headers={"Accept": "*/*"})
        except (ForgeDenied, ForgeNotFound) as error:
            return _finding(what, f"{error}. Give the token Contents: Read and write", ok=False)
        finally:
            git.close()
        return _finding(what, "", ok=True)

    def _people(self, path: str) -> str:
        return f"{self._public or self._base}/{path}"


def _scope_findings(scopes: str, *, private: bool) -> Iterator[Finding]:
    """Of a classic token: https://docs.github.com/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps."""
    given = {one.strip() for one in scopes.split(",")}
    wanted = "repo" if private else "public_repo"
    remedy = f"make a classic token with the scope {wanted}, or a fine-grained one"
    yield _finding(f"the token has the scope {wanted}", remedy, ok=bool(given & {"repo", wanted}))


def _webhook_remedy(state: _State) -> str:
    """What to do where a webhook has to be made or changed and we may not."""
    if state.is_personal:
        return (
            "on a personal account's repository only the owner may: use a GitHub App, or have the owner set the webhook"
            " by hand in the repository's settings (content type application/json, the secret out of repo_secrets,"
            f" the events {', '.join(EVENTS)})"
        )
    return (
        "make the bot's account an administrator of it, and give the token admin:repo_hook, or Webhooks: Read and"
        " write where it is fine-grained"
    )


def _hook(found: HookAnswer) -> Hook:
    complete = found.config.content_type == "json" and ("*" in found.events or {*EVENTS} <= {*found.events})
    return Hook(id=found.id, url=found.config.url, active=found.active, complete=complete)


def _by_hand(url: str | None) -> str:
    where = url or "this service's …/webhooks/<name>"
    return (
        f"in the App's settings, set its URL to {where}, its content type to JSON and its secret to one of"
        f" webhook_secrets, and subscribe to {', '.join(EVENTS)}"
    )


def _finding(what: str, remedy: str, *, ok: bool) -> Finding:
    return Finding(what=what, ok=ok, remedy="" if ok else remedy)
