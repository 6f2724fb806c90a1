"""How GitHub is spoken to: whatever it does, only the port's errors come out, and the token goes nowhere else."""

import json
import re
import socket
import threading
import time

import pytest
import stamina

from app.forges.github import client as client_module
from app.forges.github.adapter import GitHub
from app.forges.github.api import api_of
from app.forges.github.reply import Refused
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, ForgeUnavailable
from tests.app.forges.conftest import Reply
from tests.app.forges.github.conftest import TOKEN

REPO = {"full_name": "o/r", "default_branch": "main", "private": False}
LATER = str(int(time.time()) + 3600)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply.of({"message": "Bad credentials"}, 401), ForgeDenied),
        (Reply.of({"message": "Resource not accessible by personal access token"}, 403), ForgeDenied),
        (Reply.of({"message": "Not Found"}, 404), ForgeNotFound),
        (Reply.of({"message": "This issue was deleted"}, 410), ForgeNotFound),
        (Reply.of({"message": "Validation Failed", "errors": ["no"]}, 422), Refused),
        (Reply.of({}, 429), ForgeUnavailable),
        (Reply.of({}, 500), ForgeUnavailable),
        (Reply(502, b"<html>bad gateway</html>"), ForgeUnavailable),
        (Reply.of({}, 503), ForgeUnavailable),
        (Reply.of({"message": "API rate limit exceeded for user"}, 403), ForgeUnavailable),
        (Reply.of({"message": "You have exceeded a secondary rate limit."}, 403), ForgeUnavailable),
        (Reply.of({"message": "no"}, 403, Retry_After="3600"), ForgeUnavailable),
        (Reply.of({"message": "no"}, 403, X_RateLimit_Remaining="0", X_RateLimit_Reset=LATER), ForgeUnavailable),
        (Reply.of({"message": "no"}, 403, X_RateLimit_Remaining="9", X_RateLimit_Reset=LATER), ForgeDenied),
        (Reply(hang=True), ForgeUnavailable),
        (Reply(body=b"{", cut=True), ForgeUnavailable),
        (Reply(204), ForgeError),
        (Reply.of(REPO, 202), ForgeError),
        (Reply.of(REPO, 304), ForgeError),
        (Reply(body=b"<html>log in</html>"), ForgeError),
        (Reply(body=b'{"full_name": "o/r"'), ForgeError),
        (Reply(body=b"\xff\xfe"), ForgeError),
        (Reply(body=b"[" * 200_000), ForgeError),
        (Reply.of([]), ForgeError),
        (Reply.of(None), ForgeError),
        (Reply.of({}), ForgeError),
        (Reply.of(REPO | {"private": "no"}), ForgeError),
        (Reply.of(REPO, X_RateLimit_Limit="many", X_RateLimit_Remaining="some"), ForgeError),
        (Reply.of(REPO, X_RateLimit_Limit="1", X_RateLimit_Remaining="inf"), ForgeError),
        (Reply.of(REPO, X_RateLimit_Reset="nan"), ForgeError),
        (Reply(403, b"[1]"), ForgeDenied),
        (Reply(403, b'{"message": {"a": 1}, "errors": 3}'), ForgeDenied),
        (Reply(401, b"[" * 100_000), ForgeDenied),
    ],
)  # fmt: skip
def test_whatever_comes_is_the_ports_error(github, script, reply, kind):
    script.replies = [reply]
    with pytest.raises(ForgeError) as caught:
        github.repo("o/r")
    assert isinstance(caught.value, kind)
    assert TOKEN not in "".join(map(str, chain(caught.value)))
    assert "\n" not in str(caught.value)


def chain(error):
    while error is not None:
        yield repr(error)
        yield error
        error = error.__cause__ or error.__context__


def test_the_request_that_is_sent(github, script):
    script.replies = [Reply.of(REPO)]
    assert github.repo("o/r").full_name == "o/r"
    (seen,) = script.seen
    assert (seen.method, seen.path) == ("GET", "/repos/o/r")
    assert seen.headers["authorization"] == f"token {TOKEN}"
    assert seen.headers["accept"] == "application/vnd.github+json"
    assert seen.headers["x-github-api-version"] == "2022-11-28"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(github, script, status):
    """Neither to another host, nor on the same one: a repository that moved is another than was configured."""
    with socket.create_server(("127.0.0.1", 0)) as elsewhere:
        for place in (
            f"http://127.0.0.1:{elsewhere.getsockname()[1]}/x",
            f"{script.url}/repositories/1",
            "/x",
        ):
            script.replies = [Reply(status, headers={"Location": place})]
            script.seen.clear()
            with pytest.raises(ForgeError, match="redirects aren't followed"):
                github.repo("o/r")
            assert len(script.seen) == 1
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()


@pytest.mark.parametrize("place", ["/repositories/7/issues/3", "http://203.0.113.1/x"])
def test_an_issue_that_was_transferred_is_not_there(github, script, place):
    script.replies = [Reply.of({"message": "Moved Permanently"}, 301, Location=place)]
    for ask in (
        lambda: github.issue("o/r", 3),
        lambda: github.comments("o/r", 3),
        lambda: github.create_comment("o/r", 3, "x"),
        lambda: github.edit_comment("o/r", 9, "x"),
    ):
        with pytest.raises(ForgeNotFound, match="was transferred to another repository"):
            ask()
    with pytest.raises(ForgeError, match="renamed or moved") as caught:
        github.pull("o/r", 3)
    assert not isinstance(caught.value, ForgeNotFound)


@pytest.mark.parametrize(
    "answer",
    [
        {"message": "Validation Failed", "errors": [{"code": "unprocessable", "message": "was Submitted Too Quickly"}]},
        {"message": "Validation Failed: was submitted too quickly"},
        {"message": "Validation Failed", "errors": [3, {"code": "custom"}, {"code": "abuse"}]},
    ],
)  # fmt: skip
def test_what_was_written_too_quickly_may_be_written_later(github, script, answer):
    script.replies = [Reply.of(answer, 422)]
    with pytest.raises(ForgeUnavailable) as caught:
        github.set_status("o/r", "a" * 40, state="success", context="c", text="t", url="https://x.example")
    assert caught.value.retryable
    assert len(script.seen) == 1


@pytest.mark.parametrize("errors", [None, "abuse", [{"code": ["abuse"]}], {"code": "abuse"}, ["abuse"]])
def test_another_422_is_a_refusal(github, script, errors):
    script.replies = [Reply.of({"message": "Validation Failed", "errors": errors}, 422)]
    with pytest.raises(Refused):
        github.create_comment("o/r", 3, "x")


def test_a_next_page_is_never_taken_from_a_link(github, script):
    body = [{"id": 1, "body": "x", "user": None, "html_url": "x", "issue_url": "/issues/3"}]
    link = '<http://203.0.113.1/steal?page=2>; rel="next", <http://203.0.113.1/steal?page=2>; rel="last"'
    script.replies = [Reply.of(body, Link=link), Reply.of([])]
    assert [one.id for one in github.comments("o/r", 3)] == [1]
    assert [seen.path.partition("?")[0] for seen in script.seen] == ["/repos/o/r/issues/3/comments"] * 2


def test_pages_that_never_end(github, script, monkeypatch):
    def page(seen):
        number = int(re.search(r"[?&]page=([0-9]+)", seen.path)[1])
        comment = {"id": number, "body": "", "user": None, "html_url": "x", "issue_url": "/issues/3"}
        return Reply.of([comment], Link=f'<x?page={number + 1}>; rel="last"')

    monkeypatch.setattr("app.forges.github.api.MAX_PAGES", 5)
    script.replies = [page]
    with pytest.raises(ForgeError, match="more than 5 pages"):
        github.comments("o/r", 3)
    assert len(script.seen) == 5


def test_the_same_page_again_and_again_ends(github, script):
    comment = {"id": 1, "body": "", "user": None, "html_url": "x", "issue_url": "/issues/3"}
    script.replies = [Reply.of([comment], Link='<x?page=9>; rel="last"')]
    assert len(github.comments("o/r", 3)) == 1
    assert len(script.seen) == 2


def test_a_huge_answer_is_cut_off(github, script, monkeypatch):
    monkeypatch.setattr(client_module, "MAX_ANSWER_BYTES", 1000)
    script.replies = [Reply.of(REPO | {"more": "x" * 1000})]
    with pytest.raises(ForgeError, match="larger than"):
        github.repo("o/r")


def test_a_failure_that_passes_is_tried_again(github, script):
    script.replies = [Reply.of({}, 502), Reply(body=b"{", cut=True), Reply.of(REPO)]
    assert github.repo("o/r").default_branch == "main"
    assert len(script.seen) == 3


def test_a_rate_limit_that_ends_soon_is_waited_for(github, script):
    script.replies = [Reply.of({"message": "API rate limit exceeded"}, 403, Retry_After="1"), Reply.of(REPO)]
    with stamina.set_testing(False):
        assert github.repo("o/r").default_branch == "main"
    assert len(script.seen) == 2


@pytest.mark.parametrize(
    "headers",
    [{"Retry_After": "21"}, {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": LATER}, {}],
    ids=["secondary", "primary", "without a time"],
)
def test_a_rate_limit_that_lasts_is_not_waited_for(github, script, headers):
    """Without a time GitHub's rule is a minute at least."""
    script.replies = [Reply.of({"message": "API rate limit exceeded"}, 403, **headers)]
    with pytest.raises(ForgeUnavailable) as caught:
        github.repo("o/r")
    assert caught.value.retryable
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    "reply",
    [Reply.of({}, 500), Reply.of({}, 503, Retry_After="1"), Reply(body=b"", cut=True), Reply(hang=True),
     Reply.of({"message": "You have exceeded a secondary rate limit."}, 403, Retry_After="0"),
     Reply.of({"message": "Validation Failed", "errors": [{"message": "was submitted too quickly"}]}, 422)],
)  # fmt: skip
def test_what_was_sent_and_may_not_be_repeated_is_sent_once(github, script, reply):
    script.replies = [reply]
    with pytest.raises(ForgeUnavailable):
        github.create_comment("o/r", 3, "x")
    with pytest.raises(ForgeUnavailable):
        github.create_pull("o/r", head_branch="b", base_branch="main", title="t", body="", draft=False)
    assert len(script.seen) == 2


def test_what_never_reached_github_is_sent_again_whatever_it_is():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    calls = []
    github = GitHub(
        "https://x.example",
        TOKEN,
        api_url=f"http://127.0.0.1:{port}",
        on_call=lambda *call: calls.append(call),
    )
    with stamina.set_testing(True, attempts=3, cap=True), pytest.raises(ForgeUnavailable):
        github.create_comment("o/r", 3, "x")
    assert calls == [("POST", 0)] * 3
    github.close()


def test_connections_that_are_reset():
    """The server takes the request and slams the door, again and again."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def slam():
            while True:
                try:
                    peer, _ = server.accept()
                except OSError:
                    return
                peer.recv(1)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                peer.close()

        thread = threading.Thread(target=slam, daemon=True)
        thread.start()
        github = GitHub("https://x.example", TOKEN, api_url=f"http://127.0.0.1:{server.getsockname()[1]}")
        with pytest.raises(ForgeUnavailable):
            github.repo("o/r")
        with pytest.raises(ForgeUnavailable):
            github.create_comment("o/r", 3, "x")
        github.close()
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def test_every_attempt_is_counted(script):
    calls = []
    github = GitHub("https://x.example", TOKEN, api_url=script.url, on_call=lambda *call: calls.append(call))
    script.replies = [Reply.of({}, 500), Reply.of(REPO)]
    github.repo("o/r")
    assert calls == [("GET", 500), ("GET", 200)]
    github.close()


def test_many_threads_do_not_mix_up_their_requests(github, script):
    """PyGithub's connection keeps the request on itself between two calls."""
    script.replies = [lambda seen: Reply.of(REPO | {"full_name": seen.path.removeprefix("/repos/")})]
    names = [f"o/r{number}" for number in range(120)]
    found: dict[str, str] = {}

    def work(part):
        for name in part:
            found[name] = github.repo(name).full_name

    threads = [threading.Thread(target=work, args=(names[start::8],)) for start in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == {name: name for name in names}


def test_nothing_of_a_netrc_or_a_cookie_is_sent(github, script, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    script.replies = [Reply.of(REPO, Set_Cookie="a=b")]
    github.repo("o/r")
    github.repo("o/r")
    assert [seen.headers["authorization"] for seen in script.seen] == [f"token {TOKEN}"] * 2
    assert all("cookie" not in seen.headers for seen in script.seen)


def test_no_secret_gets_into_a_log(github, script, caplog):
    caplog.set_level("DEBUG")
    hook = {"id": 1, "active": True, "events": [], "config": {"url": "u", "content_type": "json"}}
    script.replies = [Reply.of([]), Reply.of(hook, 201)]
    github.ensure_hook("o/r", url="u", secret="sesame-open")
    assert json.loads(script.seen[1].body)["config"]["secret"] == "sesame-open"
    assert "sesame-open" not in caplog.text
    assert TOKEN not in caplog.text


def test_the_token_is_in_no_picture_of_the_adapter(github):
    access = github.git_access("o/r")
    assert access.url == "https://github.example.com/o/r.git"
    assert TOKEN not in repr(github) + repr(vars(github)) + repr(access)


@pytest.mark.parametrize(
    ("base", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://ghe.example.com", "https://ghe.example.com/api/v3"),
        ("https://ghe.example.com:8443/git", "https://ghe.example.com:8443/git/api/v3"),
        ("https://octo.ghe.com", "https://api.octo.ghe.com"),
        ("https://github.com.example", "https://github.com.example/api/v3"),
    ],
)
def test_where_the_api_is(base, api):
    assert api_of(base) == api


@pytest.mark.parametrize(
    "url", ["", "github.com", "ftp://x.example", "https://u:p@x.example", "https://x.example?a"]
)
def test_what_is_no_address(url):
    with pytest.raises(ValueError, match="address"):
        GitHub(url, TOKEN)
