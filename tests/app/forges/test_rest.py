import gzip

import pytest

from app.forges import rest
from app.forges.http import was_moved
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


@pytest.mark.parametrize(
    ("headers", "again"),
    [
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "99999999999"}, False),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1"}, True),
        ({"X_RateLimit_Remaining": "5", "X_RateLimit_Reset": "99999999999"}, True),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "9" * 5000}, True),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "soon"}, True),
        ({"X_RateLimit_Remaining": "0"}, True),
        ({"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "99999999999", "Retry_After": "0"}, True),
        ({"Retry_After": "9" * 300}, True),
        ({"Retry_After": "Fri, 31 Dec 99999 23:59:59 GMT"}, True),
    ],
)
def test_a_rate_limit_that_ends_soon_is_waited_for(api, script, headers, again):
    script.replies = [Reply.of({}, 429, **headers), Reply.of({"id": 1})]
    if again:
        assert api.get(Item, "/x") == Item(id=1)
        return
    with pytest.raises(ForgeUnavailable):
        api.get(Item, "/x")
    assert len(script.seen) == 1


def test_an_answer_without_measure_is_cut_off(api, script, monkeypatch):
    monkeypatch.setattr(rest, "MAX_ANSWER_BYTES", 2**20)
    script.replies = [Reply(body=b" " * 2**20 + b'{"id": 1}')]
    with pytest.raises(ForgeError, match="larger than 1 MiB") as caught:
        api.get(Item, "/x")
    assert not caught.value.retryable
    assert len(script.seen) == 1


def test_a_refusal_without_measure_is_cut_off_too(api, script, monkeypatch):
    monkeypatch.setattr(rest, "MAX_ANSWER_BYTES", 2**20)
    script.replies = [Reply(status=500, body=b" " * 2**21)]
    with pytest.raises(ForgeError, match="larger than 1 MiB"):
        api.get(Item, "/x")


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "gzip, gzip", "unheard-of"])
@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_packed_answer_is_refused_unread(api, script, encoding, status):
    packed = gzip.compress(b'{"id": 1}')
    script.replies = [Reply(status=status, body=packed, headers={"Content-Encoding": encoding})]
    with pytest.raises(ForgeError, match="is packed, which we didn't ask for") as caught:
        api.get(Item, "/x")
    assert not caught.value.retryable
    assert len(script.seen) == 1
    assert script.seen[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["", "identity", "Identity"])
def test_an_answer_that_says_that_it_is_not_packed_is_read(api, script, encoding):
    script.replies = [Reply(body=b'{"id": 1}', headers={"Content-Encoding": encoding})]
    assert api.get(Item, "/x") == Item(id=1)


def test_a_token_that_the_forge_gives_back_is_in_no_message(script):
    token = "f" * 40
    api = Rest("Forge", script.url, {"Authorization": f"token {token}"}, timeout_seconds=0.2)
    for reply in (Reply.of({"message": f"bad {token}, token {token}!"}, 401), Reply.of({"id": token})):
        script.replies = [reply]
        with pytest.raises(ForgeError) as caught:
            api.get(Item, "/x")
        assert token not in str(caught.value)
        assert token not in repr(caught.value)
    api.close()


@pytest.mark.parametrize("token", ["secret-part\nX-Other: 1", "secret-part\r", "\nsecret-part"])
def test_a_token_that_breaks_the_header_is_in_no_message(script, token):
    api = Rest("Forge", script.url, {"Authorization": f"token {token}"}, timeout_seconds=0.2)
    with pytest.raises(ForgeError, match="is there a line break in the token") as caught:
        api.get(Item, "/x")
    api.close()
    assert "secret-part" not in str(caught.value)
    assert not caught.value.retryable
    assert script.seen == []


def test_a_huge_key_of_an_answer_makes_no_huge_message(api, script):
    script.replies = [Reply.of({"k\n\x1b" * 10**5: "no number"})]
    with pytest.raises(ForgeError, match="can't be read") as caught:
        api.get(dict[str, int], "/x")
    assert len(str(caught.value)) < 500
    assert str(caught.value).isprintable()


def test_an_answer_that_only_drips_ends(api, script, monkeypatch):
    monkeypatch.setattr(rest, "MAX_ANSWER_SECONDS", -1.0)
    script.replies = [Reply.of({"id": 1})]
    with pytest.raises(ForgeUnavailable, match="took over"):
        api.get(Item, "/x")


def test_every_attempt_is_told_of(script):
    calls: list[tuple[str, int]] = []
    api = Rest("Forge", script.url, {}, timeout_seconds=0.2, on_call=lambda *call: calls.append(call))
    script.replies = [Reply(status=503), Reply(hang=True), Reply.of({"id": 1}), Reply.of({}, 404)]
    api.get(Item, "/x")
    with pytest.raises(ForgeNotFound):
        api.send("DELETE", "/x")
    api.close()
    nobody = Rest(
        "Forge", "http://127.0.0.1:9", {}, timeout_seconds=1, on_call=lambda *call: calls.append(call)
    )
    with pytest.raises(ForgeUnavailable):
        nobody.get(Item, "/x")
    nobody.close()
    assert calls == [("GET", 503), ("GET", 0), ("GET", 200), ("DELETE", 404), *[("GET", 0)] * 3]


def test_cookies_are_not_kept(api, script):
    script.replies = [Reply.of({"id": 1}, Set_Cookie="session=1; Path=/")]
    for _ in range(2):
        api.get(Item, "/x")
    assert "cookie" not in script.seen[1].headers


def test_connections_are_used_again(api, script):
    script.replies = [Reply.of({"id": 1})]
    for _ in range(5):
        api.get(Item, "/x")
    (pool,) = [api._client._transport._pool]
    assert len(pool.connections) == 1


@pytest.mark.parametrize("body", [{"title": "\ud800"}, {"\udfff": 1}])
def test_half_a_character_is_never_sent(api, script, body):
    with pytest.raises(ForgeError, match="can't be sent"):
        api.send("PATCH", "/x", body=body)
    assert script.seen == []


@pytest.mark.parametrize("path", ["/" + "x" * 100_000, "/\x00"])
def test_an_address_that_can_not_be_sent(api, script, path):
    with pytest.raises(ForgeError):
        api.get(Item, path)
    assert script.seen == []


def test_a_forge_that_talks_nonsense_can_not_forge_a_line_of_the_log(api, script):
    script.replies = [Reply.of({"message": "no\n2024 all is well\x1b[31m"}, 404)]
    with pytest.raises(ForgeNotFound) as caught:
        api.get(Item, "/x")
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("total", ["9" * 5000, "-1", "²", "soon", ""])
def test_a_total_that_makes_no_sense_ends_nothing(api, script, total):
    headers = {"X-Total-Count": total}
    script.replies = [Reply(body=b'[{"id": 1}]', headers=headers), Reply(body=b"[]", headers=headers)]
    assert [one.id for one in api.pages(Item, "/x")] == [1]


def test_a_link_to_elsewhere_is_not_followed(api, script):
    link = '<http://127.0.0.1:9/x?page=2>; rel="next"'
    script.replies = [Reply.of([{"id": 1}], Link=link), Reply.of([], Link=link)]
    assert [one.id for one in api.pages(Item, "/x")] == [1]
    assert [one.path for one in script.seen] == ["/x?page=1&limit=50", "/x?page=2&limit=50"]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_says_what_it_may_mean(api, script, status):
    script.replies = [Reply(status=status, headers={"Location": "/elsewhere"})]
    with pytest.raises(ForgeError, match="was the repository renamed or moved") as caught:
        api.get(Item, "/x")
    assert was_moved(caught.value)


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


def test_a_list_whose_pages_are_too_much_together_is_an_error(api, script, monkeypatch):
    monkeypatch.setattr(rest, "MAX_LIST_BYTES", 3 * 2**20)
    script.replies = [lambda seen: Reply.of([{"id": len(script.seen), "more": "x" * 2**20}])]
    with pytest.raises(ForgeError, match="too much at /x: over 3 MiB") as caught:
        list(api.pages(Item, "/x"))
    assert not caught.value.retryable
    assert len(script.seen) == 3


@pytest.mark.parametrize(
    "url",
    ["", "forge", "ftp://x", "https://", "https://me:pw@x", "https://x?y=1", "https://x#y", "file:///etc"],
)
def test_an_address_that_is_none(url):
    with pytest.raises(ValueError, match="forge's address"):
        checked_base(url)


def test_an_address_under_a_path():
    assert checked_base("https://example.com/git/") == "https://example.com/git"


@pytest.mark.parametrize("repo", ["", "a", "\ud800/b", "/", "a/", "/b", "a/b/c", "../b", "a/..", "./b"])
def test_a_repository_that_would_be_another_path(repo):
    with pytest.raises(ForgeError):
        repo_path(repo)


def test_a_repository_with_signs_in_its_name_stays_one_path():
    assert repo_path("a?b#c/d%2f e") == "/repos/a%3Fb%23c/d%252f%20e"
