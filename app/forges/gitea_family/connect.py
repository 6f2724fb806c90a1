"""Setting up and checking a connection on Gitea and Forgejo. `port.Connector` says what every method promises.

Seen in the sources of Gitea 1.22 and 1.25, Forgejo 7 and 10, and relied on:

* A token's scope is checked before the thing is looked for, by the request's method: a PATCH of issue or pull request
  number 0 is 403 with the scope's name, or 404, and never changes anything.
* A webhook's secret can't be changed, only given when it is made. So a webhook isn't mended but replaced: the new
  one is there before the old ones go, and what a crash leaves behind is cleared the next time.
* Unknown names of events are ignored; `issues` and `pull_request` turn on everything about them, `…_only` don't.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.forges.gitea_family.answers import (
    HookAnswer,
    LabelAnswer,
    RepoStateAnswer,
    VersionAnswer,
    same_label,
)
from app.forges.gitea_family.api import GiteaFamily
from app.forges.gitea_family.teams import doubt_about, hidden
from app.forges.http import MOVED, was_moved
from app.forges.port import Finding, ForgeDenied, ForgeError, ForgeNotFound, Hook
from app.forges.rest import Rest, repo_path

SCOPES = ("write:repository", "write:issue", "read:user")
_EVENTS = {
    "issues_only": {"issues"},
    "issue_label": {"issue_label"},
    "issue_comment": {"issue_comment"},
    "pull_request_only": {"pull_request"},
    "pull_request_label": {"pull_request_label"},
    "pull_request_comment": {"pull_request_comment"},
    "pull_request_review": {
        "pull_request_review_approved",
        "pull_request_review_rejected",
        "pull_request_review_comment",
    },
    "pull_request_sync": {"pull_request_sync"},
    "push": {"push"},
}
"""What is asked for → what a webhook then lists."""
_RELEASE = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How one member of the family is set up."""

    hook_types: tuple[str, ...]
    """The `type`s of a webhook whose deliveries our dialect reads; ours are made with the first."""
    oldest: tuple[int, int]
    """The first release that it was tried with."""
    status_since: tuple[int, int] | None
    """The first release with a webhook for commit statuses; none where there is none."""
    is_kin: Callable[[str], bool]
    """Whether a version's text is this member's."""


class Connecting(GiteaFamily):
    """A forge of the family that can also be set up."""

    setup: Setup

    def check(self, repo: str) -> list[Finding]:
        return list(self._findings(repo))

    def ensure_label(self, repo: str, name: str, *, color: str, text: str) -> bool:
        path = f"{repo_path(repo)}/labels"
        if any(same_label(one.name, name) for one in self._rest.pages(LabelAnswer, path)):
            return False
        form = {"name": name, "color": f"#{color}", "description": text}
        self._rest.write(LabelAnswer, "POST", path, form)
        return True

    def hooks(self, repo: str) -> list[Hook]:
        wanted = set().union(*_EVENTS.values()) | self._status_event()
        found = self._rest.pages(HookAnswer, f"{repo_path(repo)}/hooks")
        return [self._hook(one, wanted) for one in found]

    def ensure_hook(self, repo: str, *, url: str, secret: str) -> Hook:
        path = f"{repo_path(repo)}/hooks"
        old = [one for one in self._rest.pages(HookAnswer, path) if one.config.url == url]
        status = self._status_event()
        form = {
            "type": self.setup.hook_types[0],
            "config": {"url": url, "content_type": "json", "secret": secret},
            "events": [*_EVENTS, *status],
            "active": True,
        }
        made = self._rest.write(HookAnswer, "POST", path, form)
        for one in old:
            self._remove_hook(f"{path}/{one.id}")
        return self._hook(made, set().union(*_EVENTS.values()) | status)

    def test_hook(self, repo: str, hook_id: int) -> None:
        self._rest.send("POST", f"{repo_path(repo)}/hooks/{hook_id}/tests")

    def _remove_hook(self, path: str) -> None:
        try:
            self._rest.send("DELETE", path)
        except ForgeNotFound:
            return  # somebody else was quicker, or our first answer was lost

    def _hook(self, found: HookAnswer, wanted: set[str]) -> Hook:
        events = set(found.events or ())
        if "pull_request_review" in events:  # as Gitea lists it since 1.24
            events |= _EVENTS["pull_request_review"]
        complete = (
            found.type in self.setup.hook_types
            and found.config.content_type == "json"
            and found.branch_filter in {"", "*"}
            and wanted <= events
        )
        return Hook(id=found.id, url=found.config.url, active=found.active, complete=complete)

    def _version(self) -> str:
        return self._rest.get(VersionAnswer, "/version").version

    def _status_event(self) -> set[str]:
        since, release = self.setup.status_since, _release(self._version())
        return {"status"} if since is not None and release is not None and release >= since else set()

    def _findings(self, repo: str) -> Iterator[Finding]:
        """Each thing in turn; ends early where the rest can't be asked."""
        token = self._token_finding()
        yield token
        if not token.ok:  # then not even the version is told
            return
        yield self._kin()
        yield from self._scope_findings(repo)
        state, seen = self._state(repo)
        yield seen
        if state is None:
            return
        yield from self._state_findings(state)
        yield from self._right_findings(state)
        yield from self._team_findings(state)
        yield self._git_finding(state.full_name)

    def _kin(self) -> Finding:
        version = self._version()
        release = _release(version)
        shown = "".join(sign for sign in version[:60] if sign.isprintable())
        what = f"{self.name} {'.'.join(map(str, self.setup.oldest))} or newer is at the address"
        ok = self.setup.is_kin(version) and release is not None and release >= self.setup.oldest
        return _finding(
            what, f"it says that it is {shown}: choose another kind of forge, or update it", ok=ok
        )

    def _token_finding(self) -> Finding:
        what = "the token is valid"
        try:
            self._rest.send("GET", "/user")
        except ForgeDenied as error:
            if error.status == 403 and "scope" in str(error):  # it is valid; what it lacks is told below
                return _finding(what, "", ok=True)
            return _finding(what, f"{error}. Log in as the bot and {self._new_token()}", ok=False)
        return _finding(what, "", ok=True)

    def _scope_findings(self, repo: str) -> Iterator[Finding]:
        base = repo_path(repo)
        probes = {
            "read:user": ("GET", "/user"),
            "write:issue": ("PATCH", f"{base}/issues/0"),
            "write:repository": ("PATCH", f"{base}/pulls/0"),
        }
        for scope, (method, path) in probes.items():
            ok = not self._is_scope_missing(method, path)
            yield _finding(f"the token has the scope {scope}", f"as the bot, {self._new_token()}", ok=ok)

    def _is_scope_missing(self, method: str, path: str) -> bool:
        try:
            self._rest.send(method, path, body=None if method == "GET" else {})
        except ForgeDenied as error:
            return "scope" in str(error)
        except ForgeError as error:
            if error.retryable:
                raise
        return False

    def _state(self, repo: str) -> tuple[RepoStateAnswer | None, Finding]:
        what = f"{repo} is there"
        try:
            return self._rest.get(RepoStateAnswer, repo_path(repo)), _finding(what, "", ok=True)
        except (ForgeDenied, ForgeNotFound) as error:
            remedy = (
                f"{error}. Check the name; add the bot's account to the repository as an administrator;"
                " don't limit its token to public repositories"
            )
            return None, _finding(what, remedy, ok=False)
        except ForgeError as error:
            if not was_moved(error):
                raise
            return None, _finding(what, MOVED, ok=False)

    def _state_findings(self, state: RepoStateAnswer) -> Iterator[Finding]:
        settings = self._people(f"{state.full_name}/settings")
        yield _finding("it isn't archived", f"bring it back to life at {settings}", ok=not state.archived)
        yield _finding(
            "it is no mirror",
            f"connect the original, or turn it into a regular one at {settings}",
            ok=not state.mirror,
        )
        yield _finding("it has a commit", "push a first commit to its default branch", ok=not state.empty)
        tracks = state.has_issues and state.external_tracker is None
        yield _finding("its issues are kept here", f"switch on the built-in tracker at {settings}", ok=tracks)
        yield _finding("it takes pull requests", f"switch them on at {settings}", ok=state.has_pull_requests)

    def _right_findings(self, state: RepoStateAnswer) -> Iterator[Finding]:
        people = self._people(f"{state.full_name}/settings/collaboration")
        yield _finding(
            "the bot is an administrator of it", f"make it one at {people}", ok=state.permissions.admin
        )
        yield self._may("it may ask what others may do", f"{_collaborator(state)}/permission", people)
        hooks = f"{repo_path(state.full_name)}/hooks"
        yield self._may("it may set webhooks", hooks, f"{people}, unless the site has webhooks switched off")
        try:
            alone = self.whoami().id == state.owner.id
        except ForgeDenied:
            return  # the scope is missing, which was said
        remedy = (
            "use an account of the bot's own: what this one writes or labels would be taken for the bot's"
        )
        yield _finding("the token isn't the owner's own", remedy, ok=not alone)

    def _team_findings(self, state: RepoStateAnswer) -> Iterator[Finding]:
        """Of an organisation's repository: whether what the forge reports about its people is what they may do."""
        what = "the rights of its teams' members can be told"
        try:
            teams = self._teams.of(state.full_name)
        except (ForgeDenied, ForgeNotFound) as error:
            yield _finding(what, f"{error}. Make the bot an administrator of it", ok=False)
            return
        if not teams:
            return
        doubt = doubt_about(teams)
        yield _finding(what, f"{doubt}: give it read, or write, on code", ok=not doubt)
        if unseen := hidden(teams):
            # Nobody can tell from here whether this was done, and nothing is open: it mustn't stop anybody.
            note = f"the forge doesn't report that {unseen} may push: members who are to be heeded need to be"
            yield Finding(what=f"{note} collaborators of the repository too, with write", ok=True)

    def _may(self, what: str, path: str, where: str) -> Finding:
        try:
            self._rest.send("GET", path)
        except (ForgeDenied, ForgeNotFound) as error:
            return _finding(what, f"{error}. Make the bot an administrator at {where}", ok=False)
        return _finding(what, "", ok=True)

    def _git_finding(self, repo: str) -> Finding:
        """Ask for what a push begins with; nothing is pushed. Readers may begin one too (AGit): it shows no right."""
        what = "Git over HTTP takes the token"
        git = Rest(self.name, self._base, {"Authorization": self._git_credential()}, **self._http)
        path = repo_path(repo).removeprefix("/repos") + ".git/info/refs"
        try:
            git.send("GET", path, query={"service": "git-receive-pack"})
        except ForgeError as error:
            if error.retryable:
                raise
            if error.status is None:  # it takes it, and has more refs than we care to read
                return _finding(what, "", ok=True)
            remedy = "the token needs the scope write:repository, and the site Git over HTTP"
            return _finding(what, f"{error}: {remedy}", ok=False)
        finally:
            git.close()
        return _finding(what, "", ok=True)

    def _new_token(self) -> str:
        where = self._people("user/settings/applications")
        return f"make a token with the scopes {', '.join(SCOPES)} at {where}"

    def _people(self, path: str) -> str:
        return f"{self._public or self._base}/{path}"


def _finding(what: str, remedy: str, *, ok: bool) -> Finding:
    return Finding(what=what, ok=ok, remedy="" if ok else remedy)


def _collaborator(state: RepoStateAnswer) -> str:
    return f"{repo_path(state.full_name)}/collaborators/{state.owner.login}"


def _release(version: str) -> tuple[int, int] | None:
    found = _RELEASE.match(version)
    return (int(found[1]), int(found[2])) if found else None
