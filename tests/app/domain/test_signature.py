import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.signature import event_name, is_signed

BODY = b'{"action": "opened"}'


def sign(secret, body=BODY, algorithm="sha256"):
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


GOOD = sign("current-secret")


def test_a_good_signature_counts():
    assert is_signed("gitea", {"X-Gitea-Signature": GOOD}, BODY, ["current-secret"])


def test_a_secret_being_rotated_counts_beside_the_new_one():
    assert is_signed("gitea", {"X-Gitea-Signature": GOOD}, BODY, ["next-secret", "current-secret"])
    assert not is_signed("gitea", {"X-Gitea-Signature": GOOD}, BODY, ["next-secret"])


@pytest.mark.parametrize(
    "value",
    ["", "sha256=", "sha256=" + GOOD, GOOD[:-1], GOOD + "0", GOOD + "\n", " " + GOOD, GOOD.upper(), "é" * 64,
     "０" * 64, "0" * 64, hashlib.sha256(BODY).hexdigest()],
)  # fmt: skip
def test_anything_else_does_not(value):
    assert not is_signed("gitea", {"X-Gitea-Signature": value}, BODY, ["current-secret"])


def test_other_peoples_headers_are_not_looked_at():
    sha1 = sign("current-secret", algorithm="sha1")
    headers = {
        "X-Hub-Signature": f"sha1={sha1}",
        "X-Hub-Signature-256": f"sha256={GOOD}",
        "X-Gogs-Signature": GOOD,
    }
    assert not is_signed("gitea", headers, BODY, ["current-secret"])
    assert not is_signed("gitea", headers | {"X-Gitea-Signature": sha1}, BODY, ["current-secret"])


def test_an_empty_secret_never_signs():
    assert not is_signed("gitea", {"X-Gitea-Signature": sign("")}, BODY, ["", ""])
    assert not is_signed("gitea", {"X-Gitea-Signature": sign("")}, BODY, [])


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_holds_for_its_body_alone(body, other):
    headers = {"X-Gitea-Signature": sign("current-secret", body)}
    assert is_signed("gitea", headers, other, ["current-secret"]) == (body == other)


@given(st.text(max_size=80))
def test_no_header_makes_it_raise(value):
    assert not is_signed("gitea", {"X-Gitea-Signature": value}, BODY, ["current-secret"])


def test_the_finer_event_name_goes_first():
    assert (
        event_name("gitea", {"X-Gitea-Event": "issues", "X-Gitea-Event-Type": "issue_label"}) == "issue_label"
    )
    assert event_name("gitea", {"X-Gitea-Event": "issues"}) == "issues"
    assert event_name("gitea", {"X-GitHub-Event": "issues"}) == ""
