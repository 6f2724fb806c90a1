import hmac
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import structlog

from app import wiring
from app.web import webhooks
from tests.support.desk import OLD_SECRET, SECRET

BODY = b'{"action": "label_updated"}'


def headers(body=BODY, secret=SECRET, **changes):
    values = {
        "Content-Type": "application/json",
        "X-Gitea-Event": "issues",
        "X-Gitea-Event-Type": "issue_label",
        "X-Gitea-Delivery": "5f1c8a52-0000-4000-8000-000000000001",
        "X-Gitea-Signature": hmac.new(secret.encode(), body, "sha256").hexdigest(),
    }
    values |= {name.replace("_", "-"): value for name, value in changes.items()}
    return {name: value for name, value in values.items() if value is not None}


def post(web, body=BODY, endpoint="home", content=None, **changes):
    return web.http.post(f"/webhooks/{endpoint}", content=content or body, headers=headers(body, **changes))


@pytest.fixture
def scoped(serve):
    """A forge with secrets of its own, and with one for each of two repositories."""
    secrets = {"Ada/Demo": ("secret-of-the-demo", "its-old-secret"), "ada/other": ("secret-of-the-other",)}
    return serve(home={"repo_secrets": secrets})


@pytest.fixture
def only_scoped(serve):
    return serve(home={"webhook_secrets": (), "repo_secrets": {"ada/demo": ("secret-of-the-demo",)}})


def inbox(web):
    return web.desk.deliveries.waiting(older_than_seconds=-1)


def test_a_good_delivery_is_accepted_as_it_came(web, queued):
    answer = post(web)
    assert (answer.status_code, answer.text) == (202, "accepted\n")
    (delivery_id,) = inbox(web)
    stored = web.desk.deliveries.get(delivery_id)
    assert (stored.endpoint, stored.event, stored.body) == ("home", "issue_label", BODY)
    assert queued() == [("intake", delivery_id)]


def test_a_secret_that_is_being_rotated_is_still_good(web):
    assert post(web, secret=OLD_SECRET).status_code == 202


REFUSED = {
    "unsigned": (401, {"X_Gitea_Signature": None}),
    "empty signature": (401, {"X_Gitea_Signature": ""}),
    "no secret at the forge": (401, {"X_Gitea_Signature": "", "X_Hub_Signature_256": "sha256="}),
    "truncated": (401, {"X_Gitea_Signature": headers()["X-Gitea-Signature"][:-2]}),
    "with prefix": (401, {"X_Gitea_Signature": "sha256=" + headers()["X-Gitea-Signature"]}),
    "wrong secret": (401, {"secret": "another-secret"}),
    "empty secret": (401, {"secret": ""}),
    "only sha1": (401, {"X_Gitea_Signature": None, "X_Hub_Signature": "sha1=" + hmac.new(SECRET.encode(), BODY, "sha1").hexdigest()}),
    "only the other forge's header": (401, {"X_Gitea_Signature": None, "X_Hub_Signature_256": "sha256=" + headers()["X-Gitea-Signature"]}),
    "not ASCII": (401, {"X_Gitea_Signature": "é".encode("latin-1") * 64}),
    "a form": (415, {"Content_Type": "application/x-www-form-urlencoded"}),
    "no type": (415, {"Content_Type": None}),
    "unknown endpoint": (404, {"endpoint": "elsewhere"}),
    "no event": (400, {"X_Gitea_Event": None, "X_Gitea_Event_Type": None}),
    "an odd event": (400, {"X_Gitea_Event_Type": "Issue Label"}),
    "another body": (401, {"content": BODY + b" "}),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_what_is_refused_leaves_nothing(web, redis, why):
    status, changes = REFUSED[why]
    answer = post(web, **changes)
    assert answer.status_code == status
    assert len(answer.text.splitlines()) == 1
    assert redis.keys("*") == []


def test_too_large_by_its_own_word(serve, redis):
    web = serve(max_delivery_mib=1)
    body = b"x" * (1024 * 1024 + 1)
    assert post(web, body).status_code == 413
    assert redis.keys("*") == []


def test_too_large_without_a_word_about_its_length(serve, redis):
    web = serve(max_delivery_mib=1)
    chunk = b"x" * 65_536
    answer = post(web, b"x", content=(chunk for _ in range(20)))
    assert answer.status_code == 413
    assert redis.keys("*") == []


def test_a_chunked_body_within_the_limit_is_read_whole(serve):
    web = serve(max_delivery_mib=1)
    body = b"y" * (1024 * 1024)
    assert (
        post(web, body, content=(body[i : i + 10_000] for i in range(0, len(body), 10_000))).status_code
        == 202
    )
    assert post(web, body[:-1], X_Gitea_Delivery="2").status_code == 202  # and one that tells its length


def test_duplicates_are_answered_as_accepted_before(web, queued):
    assert post(web).status_code == 202
    again = post(web)
    assert (again.status_code, again.text) == (200, "accepted before\n")
    assert post(web, X_Gitea_Delivery="a-new-id").status_code == 200  # a replayed body under a new id
    assert post(web, X_Gitea_Delivery=None).status_code == 200
    assert post(web, X_Gitea_Event_Type="issues").status_code == 200  # or another event's name
    assert len(queued()) == 1


def test_fifty_at_once_make_one(web, queued):
    start = threading.Barrier(50)

    def send(_):
        start.wait(20)
        return post(web).status_code

    with ThreadPoolExecutor(50) as pool:
        answers = sorted(pool.map(send, range(50)))
    assert answers == [200] * 49 + [202]
    assert len(queued()) == 1


@pytest.mark.parametrize("uuid", ["", "x" * 65, "a b", "../.."])
def test_an_odd_delivery_id_is_not_used(web, uuid):
    assert post(web, X_Gitea_Delivery=uuid).status_code == 202
    assert post(web, BODY + b" ", X_Gitea_Delivery=uuid).status_code == 202


def test_only_post(web):
    assert web.http.get("/webhooks/home").status_code == 405


@pytest.mark.parametrize("address", ["home/ada/demo", "home/Ada/DEMO"])
@pytest.mark.parametrize("secret", ["secret-of-the-demo", "its-old-secret"])
def test_a_repositorys_own_webhook_is_for_that_one_alone(scoped, address, secret):
    assert post(scoped, endpoint=address, secret=secret).status_code == 202
    (delivery_id,) = inbox(scoped)
    assert scoped.desk.deliveries.get(delivery_id).repo == "ada/demo"
    assert scoped.desk.deliveries.heard("home", "ada/demo").count == 1


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("home/ada/demo", "secret-of-the-other"),
        ("home/ada/other", "secret-of-the-demo"),
        ("home/ada/demo", SECRET),
        ("home", "secret-of-the-demo"),
    ],
)
def test_a_secret_is_good_in_its_own_scope_only(scoped, redis, address, secret):
    assert post(scoped, endpoint=address, secret=secret).status_code == 401
    assert redis.keys("*") == []


def test_one_body_counts_once_per_scope(scoped, queued):
    for address, secret in (("home/ada/demo", "secret-of-the-demo"), ("home/ada/other", "secret-of-the-other"), ("home", SECRET)):  # fmt: skip
        assert post(scoped, endpoint=address, secret=secret).status_code == 202
        assert post(scoped, endpoint=address, secret=secret).status_code == 200
    assert len(queued()) == 3


@pytest.mark.parametrize(
    "address",
    ["nowhere", "nowhere/ada/demo", "home", "home/ada/none", "home/ada/*", "home/ada/..", "HOME/ada/demo"],
)
def test_what_is_not_connected_looks_like_what_is_not_there(only_scoped, redis, address):
    answer = post(only_scoped, endpoint=address, secret="secret-of-the-demo")
    assert (answer.status_code, answer.text) == (404, "no webhook is configured under this address\n")
    assert redis.keys("*") == []


@pytest.mark.parametrize("address", ["home/ada", "home/ada/demo/more", "home//demo"])
def test_what_is_no_address_of_ours(only_scoped, redis, address):
    assert post(only_scoped, endpoint=address, secret="secret-of-the-demo").status_code == 404
    assert redis.keys("*") == []


def test_a_body_is_signed_with_its_own_scopes_secrets_only(serve, monkeypatch):
    table = {f"ada/repo{number}": (f"the-secret-{number}",) for number in range(2_000)}
    web = serve(home={"repo_secrets": table})
    tried = []
    real = webhooks.is_signed
    monkeypatch.setattr(
        webhooks,
        "is_signed",
        lambda claimed, body, secrets: tried.extend(secrets) or real(claimed, body, secrets),
    )
    assert post(web, endpoint="home/ada/repo1999", secret="the-secret-1999").status_code == 202
    assert tried == ["the-secret-1999"]


@pytest.mark.parametrize(
    ("kind", "header", "shown"),
    [
        ("gitea", "X-Gitea-Signature", "{}"),
        ("forgejo", "X-Forgejo-Signature", "{}"),
        ("github", "X-Hub-Signature-256", "sha256={}"),
    ],
)
def test_the_endpoints_kind_says_which_header_counts(serve, kind, header, shown):
    """All the other headers carry a good signature, and none of them is looked at."""
    dialects = {one: wiring.dialect(one) for one in ("gitea", "forgejo", "github")}
    web = serve(home={"kind": kind})
    web.desk.dialects.clear()
    web.desk.dialects.update(dialects)
    good = hmac.new(SECRET.encode(), BODY, "sha256").hexdigest()
    all_of_them = {
        "X-Gitea-Signature": good,
        "X-Forgejo-Signature": good,
        "X-Gogs-Signature": good,
        "X-Hub-Signature-256": f"sha256={good}",
    }
    names = {
        f"X-{brand}-{what}": "push"
        for brand in ("Gitea", "Forgejo", "GitHub")
        for what in ("Event", "Event-Type")
    }
    common = {"Content-Type": "application/json", **names}
    others = {name: value for name, value in all_of_them.items() if name != header}

    def send(extra):
        sent = {**common, **extra}
        return web.http.post("/webhooks/home", content=BODY, headers=sent).status_code

    assert send(others) == 401
    for bad in ("", "sha256=", good[:-1], f"sha1={good}", shown.format(good.upper())):
        assert send({**others, header: bad}) == 401
    assert send({header: shown.format(good)}) == 202


def test_strangers_cannot_fill_the_log(web):
    now = [60.0]
    answer = webhooks._Answers(clock=lambda: now[0])
    with structlog.testing.capture_logs() as lines:
        for _ in range(5_000):
            answer("home", "bad_signature", 401, "no")
        answer("home", "not_json", 415, "no")
        for _ in range(20):
            answer("home", "accepted", 202, "yes")
        assert len(lines) == webhooks.LINES_PER_MINUTE + 1 + 20
        now[0] += 60
        answer("home", "bad_signature", 401, "no")
    assert lines[-2]["unlogged"] == 5_000 - webhooks.LINES_PER_MINUTE
    assert lines[-1]["result"] == "bad_signature"
