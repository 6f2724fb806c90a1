import pytest

from app.forges import rest
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, ForgeUnavailable
from app.forges.rest import Answer, Rest, checked_base, repo_path
from tests.app.forges.conftest import Reply


class Item(Answer):
    id: int


@pytest.fixture
def api(script):
    found = Rest("Forge", script.url, {"Authorization": "token hush"}, timeout_seconds=0.2)
    yield found
    found.close()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, ForgeError),
        (401, ForgeDenied),
        (403, ForgeDenied),
        (404, ForgeNotFound),
        (409, ForgeError),
        (422, ForgeError),
        (429, ForgeUnavailable),
        (500, ForgeUnavailable),
        (503, ForgeUnavailable),
    ],
)
def test_every_refusal_has_its_error(api, script, status, kind):
    script.replies = [Reply.of({"message": "no way"}, status)]
    with pytest.raises(ForgeError, match=f"{status} to GET /x: no way") as caught:
        api.get(Item, "/x")
    assert isinstance(caught.value, kind)
    assert caught.value.status == status
    assert caught.value.retryable == (kind is ForgeUnavailable)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"x"',
        b"{}",
        b'{"id": null}',
        b'{"id": "1"}',
        b'{"id": 1.5}',
        b"\xff",
        b"<html>",
    ],
)
def test_an_answer_that_can_not_be_read(api, script, body):
    script.replies = [Reply(body=body)]
    with pytest.raises(ForgeError, match="can't be read"):
        api.get(Item, "/x")


def test_what_an_answer_says_beyond_is_ignored(api, script):
    script.replies = [Reply.of({"id": 1, "more": True})]
    assert api.get(Item, "/x") == Item(id=1)


def test_a_forge_that_does_not_answer_in_time(api, script):
    script.replies = [Reply(hang=True)]
    with pytest.raises(ForgeUnavailable, match="gave no answer"):
        api.get(Item, "/x")


def test_an_answer_that_is_cut_off(api, script):
    script.replies = [Reply(body=b'{"id": 1}', cut=True)]
    with pytest.raises(ForgeUnavailable):
        api.get(Item, "/x")


def test_what_may_be_repeated_is(api, script):
    script.replies = [Reply(status=503), Reply.of({}, 429, Retry_After="0"), Reply.of({"id": 1})]
    assert api.get(Item, "/x") == Item(id=1)
    assert len(script.seen) == 3


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_creates_something_is_not_repeated(api, script, status):
    script.replies = [Reply(status=status)]
    with pytest.raises(ForgeUnavailable):
        api.write(Item, "POST", "/x", {})
    assert len(script.seen) == 1


def test_a_post_that_says_so_is_repeated(api, script):
    script.replies = [Reply(status=500), Reply.of({"id": 1})]
    assert api.write(Item, "POST", "/x", {}, repeatable=True) == Item(id=1)


def test_a_post_that_never_left_is_repeated(monkeypatch):
    api = Rest("Forge", "http://127.0.0.1:9", {}, timeout_seconds=1)
    tried = []
    real = api._send_once
    monkeypatch.setattr(api, "_send_once", lambda *args: tried.append(args) or real(*args))
    with pytest.raises(ForgeUnavailable, match="can't be reached"):
        api.send("POST", "/x", body={})
    api.close()
    assert len(tried) == 3


@pytest.mark.parametrize("value", ["3600", "Fri, 31 Dec 2100 23:59:59 GMT"])
def test_a_forge_that_asks_to_wait_too_long_is_not_waited_for(api, script, value):
    script.replies = [Reply.of({}, 429, Retry_After=value)]
    with pytest.raises(ForgeUnavailable):
        api.get(Item, "/x")
    assert len(script.seen) == 1


@pytest.mark.parametrize("value", ["", "soon", "-1", "Fri, 31 Dec 1999 23:59:59 GMT"])
def test_a_wait_that_makes_no_sense_is_our_own(api, script, value):
    script.replies = [Reply.of({}, 429, Retry_After=value), Reply.of({"id": 1})]
    assert api.get(Item, "/x") == Item(id=1)


def test_a_redirect_is_an_error_and_the_token_stays_here(api, script):
    script.replies = [Reply(status=307, headers={"Location": "/elsewhere"})]
    with pytest.raises(ForgeError, match="redirects aren't followed"):
        api.get(Item, "/x")
    assert [one.path for one in script.seen] == ["/x"]


def test_pages_end_at_the_announced_total(api, script):
    script.replies = [
        Reply.of([{"id": 1}, {"id": 2}], X_Total_Count="3"),
        Reply.of([{"id": 3}], X_Total_Count="3"),
    ]
    assert [one.id for one in api.pages(Item, "/x", state="open")] == [1, 2, 3]
    assert [one.path for one in script.seen] == [
        "/x?state=open&page=1&limit=50",
        "/x?state=open&page=2&limit=50",
    ]


def test_pages_end_at_an_empty_one(api, script):
    script.replies = [Reply.of([{"id": 1}]), Reply.of([])]
    assert [one.id for one in api.pages(Item, "/x")] == [1]


def test_a_list_that_knows_no_pages_is_read_once(api, script):
    script.replies = [Reply.of([{"id": 1}, {"id": 2}])]
    assert [one.id for one in api.pages(Item, "/x")] == [1, 2]
    assert len(script.seen) == 2


def test_a_list_without_an_end_is_an_error(api, script, monkeypatch):
    monkeypatch.setattr(rest, "MAX_PAGES", 5)
    script.replies = [lambda seen: Reply.of([{"id": len(script.seen)}])]
    with pytest.raises(ForgeError, match="more than 5 pages"):
        list(api.pages(Item, "/x"))
    assert len(script.seen) == 5


@pytest.mark.parametrize(
    "url",
    ["", "forge", "ftp://x", "https://", "https://me:pw@x", "https://x?y=1", "https://x#y", "file:///etc"],
)
def test_an_address_that_is_none(url):
    with pytest.raises(ValueError, match="forge's address"):
        checked_base(url)


def test_an_address_under_a_path():
    assert checked_base("https://example.com/git/") == "https://example.com/git"


@pytest.mark.parametrize("repo", ["", "a", "/", "a/", "/b", "a/b/c", "../b", "a/..", "./b"])
def test_a_repository_that_would_be_another_path(repo):
    with pytest.raises(ForgeError):
        repo_path(repo)


def test_a_repository_with_signs_in_its_name_stays_one_path():
    assert repo_path("a?b#c/d%2f e") == "/repos/a%3Fb%23c/d%252f%20e"
