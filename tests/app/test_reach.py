import pytest

from app.reach import obstacle

HOME, LAN = "http://127.0.0.1:8080", "http://192.168.1.5:8080"


@pytest.mark.parametrize(
    ("public_url", "forge_url", "says"),
    [
        (HOME, "https://git.example.org", "own loopback"),
        ("http://localhost:8080", "http://192.168.1.9:3000", "own loopback"),
        ("http://[::1]:8080", "https://github.com", "own loopback"),
        ("http://me.localhost", "https://github.com", "own loopback"),
        ("http://0.0.0.0:8080", "http://127.0.0.1:3000", "no address that anybody can call"),
        (LAN, "https://github.com", "private network"),
        ("http://forgehand:8080", "https://codeberg.org", "private network"),
        ("https://forgehand.lan", "https://github.com", "private network"),
    ],
)
def test_what_the_forge_plainly_cannot_call(public_url, forge_url, says):
    sentence = obstacle(public_url, forge_url)
    assert says in sentence
    assert "--public-url" in sentence


@pytest.mark.parametrize(
    ("public_url", "forge_url"),
    [
        (HOME, "http://127.0.0.1:3000"),
        ("http://localhost:1", "http://[::1]:3000"),
        (LAN, "http://192.168.1.9:3000"),
        (LAN, "https://git.example.org"),
        ("https://forgehand.example.org", "https://github.com"),
        ("http://8.8.8.8", "https://github.com"),
        (LAN, HOME),
    ],
)
def test_what_may_work_is_left_to_the_trial(public_url, forge_url):
    assert obstacle(public_url, forge_url) is None
