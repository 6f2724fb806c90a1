"""`forgehand connect` and `forgehand doctor` as a person types them, with and without a service that runs.

They run against the embedded forge, or against the one that the environment names, as the contract suite does.
"""

import hmac
import stat
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from app.settings import load
from app.store.connection import EmbeddedRedis
from app.store.connection import connect as redis_of
from app.store.deliveries import Deliveries, secret_id
from tests.support.adapters import KIND
from tests.support.connect import BOT_SCOPES, Operator, our_hooks
from tests.support.forge import RunningForge, running_forge, the_forge

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KILL_AFTER = """
import os, pathlib, signal, httpx
left = {writes}
def counted(real):
    def write(*words, **options):
        global left
        answer = real(*words, **options)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return write
real_request = httpx.Client.send
def request(client, sent, **options):
    return (real_request if sent.method == "GET" else changing)(client, sent, **options)
changing = counted(real_request)
httpx.Client.send = request
pathlib.Path.rename = counted(pathlib.Path.rename)
"""
"""Ends the command, as kill -9 does, right behind its n-th write: to the forge, or of the file of settings."""


@pytest.fixture(scope="module")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    with the_forge(tmp_path_factory.mktemp("forge")) as found:
        yield found


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    folder = tmp_path / "service"
    folder.mkdir()
    return Operator(folder=folder)


def a_repo(forge: RunningForge, *, right: str = "admin", scopes: tuple[str, ...] = BOT_SCOPES) -> Any:
    owner, bot = forge.user(), forge.user(scopes=scopes)
    repo = owner.repo(f"demo-{uuid.uuid4().hex[:6]}")
    owner.invite(repo, bot.login, right)
    return SimpleNamespace(owner=owner, bot=bot, repo=repo)


def heard(operator: Operator, name: str, repo: str) -> Any:
    redis = redis_of(EmbeddedRedis(operator.folder / ".forgehand").url)
    try:
        return Deliveries(redis, memory_days=7).heard(name, repo)
    finally:
        redis.close()


def wrong(answer: Any) -> list[str]:
    """What isn't as it should be, with what to do."""
    return [f"{one['what']}: {one['remedy']}" for one in answer["findings"] if not one["ok"]]


def test_from_nothing_to_a_delivery_that_arrives(forge: RunningForge, operator: Operator) -> None:
    place = a_repo(forge)
    operator.env_file.write_text("# mine\nFORGEHAND_LABEL=robot\n")
    done = operator.connect(forge, place.repo.upper(), place.bot)
    assert done.code == 0, done.out + done.err
    assert done.json["ok"]
    assert done.json["test_delivery"]["id"]
    (hook,) = our_hooks(place.owner, place.repo, operator)
    assert hook["active"]
    assert hook["config"]["url"] == f"{operator.url}/webhooks/{KIND}/{place.repo}"
    assert {"robot", "needs-human"} <= {
        one["name"] for one in place.owner.api("GET", f"/repos/{place.repo}/labels")
    }
    text = operator.env_file.read_text()
    assert text.startswith("# mine\nFORGEHAND_LABEL=robot\n")
    assert not stat.S_IMODE(operator.env_file.stat().st_mode) & 0o027
    (secret,) = operator.secrets(place.repo)
    for shown in (done.out, done.err):
        assert secret not in shown
        assert place.bot.token not in shown
    assert load(env_file=operator.env_file).forges[KIND].kind == KIND

    again = operator.connect(forge, place.repo, place.bot)
    assert again.code == 0, again.out + again.err
    assert again.json["changed_settings"] == []
    assert operator.env_file.read_text() == text
    assert [one["id"] for one in our_hooks(place.owner, place.repo, operator)] == [hook["id"]]

    seen = operator.run("doctor", "--json")
    assert seen.code == 0, seen.out + seen.err
    assert seen.json["ok"]
    assert [one["title"] for one in seen.json["sections"]][-1] == f"{KIND}: {place.repo}"


def test_two_forges_and_three_repositories_at_once(
    forge: RunningForge, operator: Operator, tmp_path: Path
) -> None:
    """With a service that runs all the time, and takes each of them over by itself."""
    with operator.serving(), running_forge(tmp_path / "second") as second:
        one, two, three = a_repo(forge), a_repo(forge), a_repo(second)
        assert operator.connect(forge, one.repo, one.bot).code == 0
        written = operator.env_file.read_text()
        refused = operator.connect(forge, two.repo, one.bot)  # its bot has no right there yet
        assert refused.code == 1
        assert any("administrator" in line for line in wrong(refused.json)), refused.out
        assert operator.env_file.read_text() == written
        assert our_hooks(two.owner, two.repo, operator) == []
        two.owner.invite(two.repo, one.bot.login, "admin")
        assert operator.connect(forge, two.repo, one.bot).code == 0
        kind = ("connect", "gitea", "--name", "second", "--url", second.url, "--repo", three.repo)
        assert operator.run(*kind, typed=three.bot.token).code == 0
        places = ((KIND, one), (KIND, two), ("second", three))
        before = {place.repo: heard(operator, name, place.repo).count for name, place in places}
        three.owner.issue(three.repo)
        operator.until(
            "it is heard", lambda: heard(operator, "second", three.repo).count > before[three.repo]
        )
        for name, place in places[:2]:
            assert heard(operator, name, place.repo).count == before[place.repo]
        secrets = {place.repo: operator.secrets(place.repo, name)[0] for name, place in places}
        for name, place in places:
            for other, secret in secrets.items():
                status = forged(operator, name, place.repo, secret)
                assert status == (202 if other == place.repo else 401)
        seen = operator.run("doctor", "--json")
        assert seen.code == 0, seen.out + seen.err


def test_two_at_once_without_a_service(forge: RunningForge, operator: Operator) -> None:
    """Each listens itself in its turn, on the same port."""
    one, two = a_repo(forge), a_repo(forge)
    two.owner.invite(two.repo, one.bot.login, "admin")
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda repo: operator.connect(forge, repo, one.bot), (one.repo, two.repo)))
    assert [answer.code for answer in done] == [0, 0], done
    assert operator.secrets(one.repo) != operator.secrets(two.repo)


def forged(operator: Operator, name: str, repo: str, secret: str) -> int:
    """The answer to a delivery that somebody made who knows a secret."""
    body = f'{{"{uuid.uuid4().hex}": 1}}'.encode()
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    brands = ("Gitea", "Forgejo")
    headers = {f"X-{brand}-Signature": signature for brand in brands}
    headers |= {"Content-Type": "application/json"}
    headers |= {f"X-{brand}-{what}": "push" for brand in brands for what in ("Event", "Event-Type")} | {
        "Content-Type": "application/json"
    }
    path = f"{operator.url}/webhooks/{name}/{repo}"
    return httpx.post(path, content=body, headers=headers, trust_env=False).status_code


def test_killed_behind_any_write_and_run_again(forge: RunningForge, operator: Operator) -> None:
    place = a_repo(forge)
    with operator.serving():
        writes = until_it_is_through(forge, operator, place)
        assert writes >= 4  # two labels, the file, the webhook
        assert len(operator.secrets(place.repo)) == 1


def test_killed_behind_any_write_of_a_rotation(forge: RunningForge, operator: Operator) -> None:
    """Whenever it is killed, what the forge sends is taken; and the next run brings it to its end."""
    place = a_repo(forge)
    with operator.serving():
        assert operator.connect(forge, place.repo, place.bot).code == 0
        (old,) = operator.secrets(place.repo)
        until_it_is_through(forge, operator, place, "--rotate-secret")
        (now,) = operator.secrets(place.repo)
        assert now != old
        operator.until("the old one isn't taken any more", lambda: is_refused(operator, place.repo, old))


def is_refused(operator: Operator, repo: str, secret: str) -> bool:
    try:
        return forged(operator, KIND, repo, secret) == 401
    except httpx.HTTPError:  # the web process is being started anew
        return False


def until_it_is_through(forge: RunningForge, operator: Operator, place: Any, *words: str) -> int:
    """Kill it behind its first write, the next time behind its second …; the number of writes of a run that ends."""
    for writes in range(1, 20):
        done = operator.connect(forge, place.repo, place.bot, *words, code=KILL_AFTER.format(writes=writes))
        if done.code != -9:
            assert done.code == 0, done.out + done.err
            (_,) = our_hooks(place.owner, place.repo, operator)
            return writes - 1
        if our_hooks(place.owner, place.repo, operator):
            assert_still_heard(place, operator)
    raise AssertionError("it never came to its end")


def assert_still_heard(place: Any, operator: Operator) -> None:
    """What the forge sends at this moment, with whatever secret it has, is taken."""
    known = {secret_id(secret) for secret in operator.secrets(place.repo)}
    before = heard(operator, KIND, place.repo)

    def arrived() -> bool:
        """Asked for again where it fell into the second in which the web process was started anew."""
        hook = our_hooks(place.owner, place.repo, operator)[-1]
        place.owner.api("POST", f"/repos/{place.repo}/hooks/{hook['id']}/tests", {})
        return operator.soon(lambda: is_new(heard(operator, KIND, place.repo)))

    def is_new(now: Any) -> bool:
        return now is not None and now.count > (before.count if before else 0) and now.secret_id in known

    operator.until("a delivery is heard", arrived, seconds=40)
