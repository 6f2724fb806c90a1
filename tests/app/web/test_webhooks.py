import hmac
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

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
