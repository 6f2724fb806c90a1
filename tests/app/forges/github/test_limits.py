"""While GitHub limits a credential nothing is sent with it; others go on, and the memory has an end."""

import math
import threading

import pytest

from app.forges.github import limits
from app.forges.github.adapter import GitHub
from app.forges.github.limits import Limits
from app.forges.http import Unavailable
from app.forges.port import ForgeUnavailable
from tests.app.forges.conftest import Reply


class Clock:
    now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(limits, "time", found)
    return found


@pytest.mark.parametrize(
    ("told", "held"), [(5.0, 5.0), (math.inf, 60.0), (1e12, 3_600.0), (0.0, 0.0), (math.nan, 60.0)]
)
def test_how_long_a_limit_is_held(clock, told, held):
    found = Limits()
    found.note("t", told)
    if held:
        clock.now += held - 0.5
        with pytest.raises(Unavailable) as caught:
            found.check("t", "GET /x")
        assert (caught.value.sent, caught.value.retry_after, caught.value.retryable) == (False, 0.5, True)
        clock.now += 0.5
    found.check("t", "GET /x")


def test_each_credential_has_its_own(clock):
    found = Limits()
    found.note("one", 5)
    found.check("other", "GET /x")
    with pytest.raises(Unavailable, match="GET /x isn't sent"):
        found.check("one", "GET /x")


def test_a_shorter_one_does_not_end_a_longer_one(clock):
    found = Limits()
    found.note("t", 50)
    found.note("t", 1)
    clock.now += 10
    with pytest.raises(Unavailable):
        found.check("t", "GET /x")


def test_it_is_bounded_and_holds_no_credential(clock, monkeypatch):
    monkeypatch.setattr(limits, "MAX_HELD", 3)
    found = Limits()
    for number in range(10):
        found.note(f"secret-{number}", 10 + number)
    assert len(found._ends) == 3
    with pytest.raises(Unavailable):
        found.check("secret-9", "GET /x")
    found.check("secret-0", "GET /x")
    assert "secret" not in repr(vars(found))
    clock.now += 100
    found.note("late", 1)
    assert len(found._ends) == 1


def test_many_threads(clock):
    found = Limits()
    threads = [
        threading.Thread(target=lambda own=str(own): [found.note(f"{own}-{n}", 9) for n in range(20)])
        for own in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert len(found._ends) == 160


@pytest.mark.parametrize(
    "reply",
    [
        Reply.of({"message": "You have exceeded a secondary rate limit."}, 403),
        Reply.of({"message": "You have exceeded a secondary rate limit."}, 403, Retry_After="3600"),
        Reply.of({"message": "no"}, 403, X_RateLimit_Remaining="0", X_RateLimit_Reset="99999999999"),
        Reply.of({}, 429),
    ],
)
def test_while_limited_nothing_is_sent(github, script, reply):
    script.replies = [reply]
    for _ in range(20):
        with pytest.raises(ForgeUnavailable) as caught:
            github.issue("o/r", 3)
    assert "isn't sent" in str(caught.value)
    with pytest.raises(ForgeUnavailable):
        github.create_comment("o/r", 3, "x")
    assert len(script.seen) == 1


def test_another_token_is_another_matter(github, script):
    script.replies = [Reply.of({}, 429)]
    other = GitHub("https://github.example.com", "another-token", api_url=script.url)
    for one in (github, other):
        with pytest.raises(ForgeUnavailable, match="429"):
            one.repo("o/r")
    other.close()


@pytest.mark.parametrize("reply", [Reply.of({"message": "no"}, 403), Reply.of({}, 503, Retry_After="3600")])
def test_what_is_no_limit_of_the_credential_is_not_remembered(github, script, reply):
    repo = {"full_name": "o/r", "default_branch": "main", "private": False}
    script.replies = [reply, Reply.of(repo)]
    with pytest.raises(Exception, match="GitHub answered"):
        github.repo("o/r")
    assert github.repo("o/r").default_branch == "main"
