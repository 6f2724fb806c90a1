import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.signature import is_signed

BODY = b'{"action": "opened"}'


def sign(secret, body=BODY, algorithm="sha256"):
    return hmac.new(secret.encode(), body, algorithm).hexdigest()


GOOD = sign("current-secret")


def test_a_good_signature_counts():
    assert is_signed(GOOD, BODY, ["current-secret"])


def test_a_secret_being_rotated_counts_beside_the_new_one():
    assert is_signed(GOOD, BODY, ["next-secret", "current-secret"])
    assert not is_signed(GOOD, BODY, ["next-secret"])


@pytest.mark.parametrize(
    "value",
    ["", "sha256=", "sha256=" + GOOD, GOOD[:-1], GOOD + "0", GOOD + "\n", " " + GOOD, GOOD.upper(), "é" * 64,
     "０" * 64, "0" * 64, hashlib.sha256(BODY).hexdigest()],
)  # fmt: skip
def test_anything_else_does_not(value):
    assert not is_signed(value, BODY, ["current-secret"])


def test_another_algorithm_does_not():
    assert not is_signed(sign("current-secret", algorithm="sha1"), BODY, ["current-secret"])


def test_an_empty_secret_never_signs():
    assert not is_signed(sign(""), BODY, ["", ""])
    assert not is_signed(sign(""), BODY, [])


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_a_signature_holds_for_its_body_alone(body, other):
    claimed = sign("current-secret", body)
    assert is_signed(claimed, other, ["current-secret"]) == (body == other)


@given(st.text(max_size=80))
def test_no_header_makes_it_raise(value):
    assert not is_signed(value, BODY, ["current-secret"])
