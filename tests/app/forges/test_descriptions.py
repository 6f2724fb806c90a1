"""Holds every request that the Gitea and Forgejo adapters can make, and every answer read, to the forges' descriptions.

The embedded forge answers, or the real one that FORGEHAND_TEST_FORGE, …_URL and …_TOKEN name (a Gitea 1.22 or a
Forgejo 10: of others there is no description here).
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from app.forges.forgejo.adapter import Forgejo
from app.forges.gitea.adapter import Gitea
from app.forges.port import Connector, Forge, ForgeError, User
from tests.app.forges.conftest import Reply
from tests.app.forges.description import Description, specs
from tests.support.forge import Person, RunningForge, the_forge

pytestmark = pytest.mark.slow
KIND = os.environ.get("FORGEHAND_TEST_FORGE", "gitea")
SPECS = {"gitea": "gitea-1.22.0.swagger.json.gz", "forgejo": "forgejo-10dev.swagger.json.gz"}
RELEASES = {"gitea": "1.22.", "forgejo": "10."}
REPO = "/repos/{owner}/{repo}"

FIELDS = {
    "gitea": {
        "User": {"username"},  # for older clients
        "Repository": {"object_format_name"},  # 1.22.0 sends "" where only sha1 and sha256 are described
    },
    "forgejo": {
        "User": {"username"},
        "Repository": {"projects_mode", "object_format_name"},  # of a Gitea, where one answers
    },
}
"""What the real servers send beyond their descriptions."""

STATUSES = {
    "*": {401, 403},  # no token, or one without the scope: checked before the route is reached
    f"GET {REPO}/issues/{{index}}/timeline": {500},  # an issue that isn't there
    f"GET {REPO}/issues/{{index}}/comments": {500},  # an issue that isn't there
    f"POST {REPO}/issues/{{index}}/comments": {500},  # an issue that isn't there, on Forgejo
    f"POST {REPO}/statuses/{{sha}}": {500},  # a commit that isn't there
    f"GET {REPO}/teams": {405},  # a person's repository
    f"POST {REPO}/hooks": {422},  # a kind of webhook that it doesn't know
}
"""What the real servers, seen in Gitea 1.22.0 and Forgejo 10, answer beyond their descriptions."""


@dataclass
class Walk:
    """Adapters whose exchanges are kept, and which of their methods were used."""

    server: RunningForge
    owner: Person
    bot: Person
    repo: str
    kind: type[Gitea | Forgejo]
    kept: list[httpx.Response] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    @contextmanager
    def adapter(self, token: str) -> Iterator[Any]:
        """The adapter; whatever error it raises belongs to the walk."""
        found = self.kind(self.server.url, token)
        client = found._rest._client
        client._transport = _Keeping(client._transport, self.kept)
        try:
            yield _Watched(found, self.used)
        finally:
            found.close()


class _Bytes(httpx.SyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def __iter__(self) -> Iterator[bytes]:
        yield self._content


class _Keeping(httpx.BaseTransport):
    """Keeps every answer, and gives one that is still to be read."""

    def __init__(self, inner: httpx.BaseTransport, kept: list[httpx.Response]) -> None:
        self._inner, self._kept = inner, kept

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        answer.request = request
        content = answer.read()
        answer.close()
        self._kept.append(answer)
        return httpx.Response(answer.status_code, headers=answer.headers, stream=_Bytes(content))

    def close(self) -> None:
        self._inner.close()


class _Watched:
    def __init__(self, adapter: Any, used: set[str]) -> None:
        self._adapter, self._used = adapter, used

    def __getattr__(self, name: str) -> Callable[..., Any]:
        self._used.add(name)
        method = getattr(self._adapter, name)

        def call(*args: Any, **options: Any) -> Any:
            with suppress(ForgeError):
                return method(*args, **options)

        return call


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    if KIND not in SPECS:
        pytest.skip(f"{KIND} has a walk of its own")
    with the_forge(tmp_path_factory.mktemp("forge")) as server:
        version = server.http.get(f"{server.url}/api/v1/version").json()["version"]
        if "FORGEHAND_TEST_FORGE_URL" in os.environ and not version.startswith(RELEASES[KIND]):
            pytest.skip(f"there is no description of {KIND} {version} here")
        owner, bot = server.user(), server.user(scopes=("write:repository", "write:issue", "read:user"))
        repo = owner.repo()
        owner.invite(repo, bot.login, "admin")
        found = Walk(server, owner, bot, repo, {"gitea": Gitea, "forgejo": Forgejo}[KIND])
        _everything(found)
        yield found


def _everything(walk: Walk) -> None:
    owner, repo = walk.owner, walk.repo
    tip = owner.write(repo, "new.txt", "x\n", new_branch="topic")
    number = owner.issue(repo, "A title", "A body")
    who = User(id=owner.api("GET", "/user")["id"], login=owner.login)
    with walk.adapter(walk.bot.token) as forge:
        _connect(forge, repo)
        _look(forge, repo, number, who)
        _talk(forge, repo, number)
        _pulls(forge, repo, tip)
        _what_is_not_there(forge, owner.login, repo, who)
    for scopes in (("read:user",), ("read:repository", "read:issue", "write:user")):
        poor = walk.server.user(scopes=scopes)
        owner.invite(repo, poor.login, "write")
        with walk.adapter(poor.token) as forge:
            _connect(forge, repo)
            _look(forge, repo, number, who)
            _talk(forge, repo, number)
            _pulls(forge, repo, tip)
    with walk.adapter("0" * 40) as forge:
        forge.check(repo)


def _connect(forge: Any, repo: str) -> None:
    forge.check(repo)
    for _ in range(2):
        forge.ensure_label(repo, "agent", color="1d76db", text="Work for the agent")
        hook = forge.ensure_hook(repo, url="http://127.0.0.1:9/x", secret="a-secret")
    forge.hooks(repo)
    forge.test_hook(repo, hook.id if hook else 1)
    forge.git_access(repo)


def _look(forge: Any, repo: str, number: int, who: User) -> None:
    forge.whoami()
    forge.repo(repo)
    forge.standing(repo, who)
    forge.issue(repo, number)
    forge.read_file(repo, "README.md", ref="main", max_bytes=10_000)
    forge.read_file(repo, "README.md", ref=None, max_bytes=10_000)
    forge.is_protected(repo, "main")


def _talk(forge: Any, repo: str, number: int) -> None:
    comment = forge.create_comment(repo, number, "hello")
    there = comment.id if comment else 1
    forge.comments(repo, number)
    forge.comments(repo, number, since=1_700_000_000.0)
    forge.comment(repo, number, there)
    forge.edit_comment(repo, there, "hello again")
    for _ in range(2):
        forge.react(repo, number, "eyes")
        forge.react(repo, number, "rocket", comment_id=there)
    forge.labelled(repo, number, "agent")
    forge.add_label(repo, number, "agent")
    forge.labelled(repo, number, "agent", since=1_700_000_000.0)
    forge.issue(repo, number)
    forge.remove_label(repo, number, "agent")
    forge.labelled(repo, number, "agent")


def _pulls(forge: Any, repo: str, tip: str) -> None:
    form = {"head_branch": "topic", "base_branch": "main"}
    forge.create_pull(repo, **form, title="A pull", body="", draft=True)
    forge.create_pull(repo, **form, title="A pull", body="", draft=True)
    pull = forge.find_pull(repo, **form)
    there = pull.number if pull else 1
    forge.pull(repo, there)
    forge.edit_pull(repo, there, title="Another", body="text")
    comment = forge.create_comment(repo, there, "on a pull request")
    forge.comment(repo, there, comment.id if comment else 1)
    forge.comments(repo, there)
    forge.issue(repo, there)
    status = {"context": "c", "text": "t", "url": "https://example.com/"}
    for state in ("pending", "success", "success"):
        forge.set_status(repo, tip, state=state, **status)


def _what_is_not_there(forge: Any, owner: str, repo: str, who: User) -> None:
    nowhere = f"{owner}/nothing"
    forge.repo(nowhere)
    forge.check(nowhere)
    forge.standing(nowhere, who)
    forge.standing(repo, User(id=10**9, login="nobody-at-all"))
    forge.issue(repo, 99999)
    forge.labelled(repo, 99999, "agent")
    forge.comments(repo, 99999)
    forge.comment(repo, 1, 99999999)
    forge.edit_comment(repo, 99999999, "x")
    forge.create_comment(repo, 99999, "x")
    forge.react(repo, 99999, "eyes")
    forge.react(repo, 1, "eyes", comment_id=99999999)
    forge.remove_label(repo, 99999, "agent")
    forge.add_label(repo, 99999, "agent")
    forge.read_file(repo, "nothing", ref="main", max_bytes=1)
    forge.read_file(repo, "README.md", ref="nothing", max_bytes=1)
    forge.is_protected(repo, "nothing/at all")
    forge.pull(repo, 99999)
    forge.edit_pull(repo, 99999, body="x")
    forge.create_pull(repo, head_branch="nothing", base_branch="main", title="x", body="", draft=False)
    forge.set_status(repo, "1" * 40, state="success", context="c", text="t", url="https://example.com/")
    forge.test_hook(repo, 99999999)


def described(kind: str) -> Description:
    return Description(specs(SPECS[kind]), fields=FIELDS[kind], statuses=STATUSES)


def test_every_method_is_walked(walk: Walk):
    promised = {name for contract in (Forge, Connector) for name in dir(contract) if not name.startswith("_")}
    assert promised - walk.used == {"kind"} & promised


def test_the_walk_sees_what_goes_well_and_what_does_not(walk: Walk):
    assert len(walk.kept) > 100
    assert {200, 201, 204, 403, 404, 409, 500} <= {one.status_code for one in walk.kept}


@pytest.mark.parametrize("kind", SPECS)
def test_every_exchange_is_one_that_the_description_has(walk: Walk, kind: str):
    if kind != KIND and "FORGEHAND_TEST_FORGE_URL" in os.environ:
        pytest.skip(f"a real {KIND} is held to its own description")
    description = described(kind)
    wrong, operations = [], set()
    for one in walk.kept:
        try:
            operations.add(description.check_httpx(one))
        except AssertionError as error:
            wrong.append(str(error))
    assert "\n".join(sorted(set(wrong))) == ""
    assert len(operations) >= 30, sorted(operations)


def test_the_webhook_of_a_forgejo_is_one_that_its_description_has(script):
    hook = {"id": 1, "type": "forgejo", "config": {"url": "http://x.example/", "content_type": "json"}}
    hook |= {"events": ["push"], "branch_filter": "", "active": True}
    script.replies = [Reply.of([]), Reply.of({"version": "10.0.0+gitea-1.22.0"}), Reply.of(hook, 201)]
    forge = Forgejo(script.url, "x" * 40)
    forge.ensure_hook("o/r", url="http://x.example/", secret="a-secret")
    forge.close()
    made = script.seen[-1]
    operation = described("forgejo").check("POST", made.path, [], made.body, 201, b"{}")
    assert operation == f"POST {REPO}/hooks"
    assert b'"type":"forgejo"' in made.body
