from urllib.parse import urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from app.settings_types import _ADDRESS, LongSecret, Secret, Url, covers

URL = TypeAdapter(Url)


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:8080",
        "https://git.example.org",
        "https://git.example.org:8443/git/",
        "http://[::1]:3000/a-b/c_d",
        "http://forge",
        "https://xn--bcher-kva.example/%7Eme",
    ],
)
def test_an_address(address):
    assert URL.validate_python(address) == address


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("http://s3cret?x=1", "no credentials, query or fragment"),
        ("http://s3cret/?", "no credentials, query or fragment"),
        ("http://s3cret/#f", "no credentials, query or fragment"),
        ("https://bot:s3cret@forge.example", "no credentials, query or fragment"),
        ("http://s3cret:99999", "port isn't between"),
        ("http://s3cret:0", "port isn't between"),
        ("http://[::1", "write it as https://host"),
        ("http://[1:s3cret]", "write it as https://host"),
        ("http://[1:2]", "no IP address"),
        ("http://1.2.3.999", "no IP address"),
        ("http://s3cret:", "write it as https://host"),
        ("http://", "write it as https://host"),
        ("http:///s3cret", "write it as https://host"),
        ("http://-s3cret", "write it as https://host"),
        ("http://a..s3cret", "write it as https://host"),
        ("http://s3cret/a/../b", "write it as https://host"),
        ("http://s3cret\n", "write it as https://host"),
        ("http://s3cret/\u00a0", "write it as https://host"),
        ("http://b\u00fccher.s3cret", "write it as https://host"),
        ("ssh://s3cret", "write it as https://host"),
        ("HTTP://s3cret", "write it as https://host"),
        ("javascript:alert(1)", "write it as https://host"),
    ],
)
def test_no_address_is_said_without_showing_it(address, says):
    with pytest.raises(ValidationError) as caught:
        URL.validate_python(address)
    message = caught.value.errors()[0]["msg"]
    assert says in message
    assert "s3cret" not in message


@given(st.from_regex(_ADDRESS, fullmatch=True))
@example("http://[::ffff:1.2.3.4]")
@example("http://1a2b3c4")
def test_whatever_is_taken_can_be_used(text):
    try:
        address = URL.validate_python(text)
    except ValidationError:
        return
    parts = urlsplit(address)
    assert parts.hostname
    assert parts.port is None or parts.port > 0
    assert httpx.URL(f"{address.rstrip('/')}/path").path.endswith("/path")


@pytest.mark.parametrize(
    "secret", ["s3cret 01", "s3cret01\n", "s3cret01\u00a0", "s3cret\t01", "s3crét01", "s3cret\x0001"]
)
def test_a_secret_that_no_header_can_hold(secret):
    for kind in (Secret, LongSecret):
        with pytest.raises(ValidationError) as caught:
            TypeAdapter(kind).validate_python(secret)
        assert "white space" in caught.value.errors()[0]["msg"]
        assert "s3cr" not in caught.value.errors()[0]["msg"]


def test_an_unset_secret_may_be_empty():
    assert TypeAdapter(Secret).validate_python("").get_secret_value() == ""
    with pytest.raises(ValidationError):
        TypeAdapter(LongSecret).validate_python("")


@pytest.mark.parametrize(
    ("patterns", "repo", "covered"),
    [
        (["ada/demo"], "ada/demo", True),
        (["ADA/Demo"], "ada/dEMO", True),
        (["ada/*"], "ada/demo", True),
        (["*/demo"], "bob/demo", True),
        (["ada/d*"], "ada/other", False),
        (["ada/*"], "ada/x/y", True),
        (["*"], "ada/demo", False),
        (["a*a/x"], "a/a/x", False),
        ([], "ada/demo", False),
        (["ada/*"], "bob/ada/demo", False),
    ],
)
def test_which_repositories_a_pattern_is_for(patterns, repo, covered):
    assert covers(patterns, repo) is covered
