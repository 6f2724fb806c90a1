import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_ops.conflict import Conflict, Side
from git_ops.resolve.prompt.codec import Codec, codec_of, lines_of, shorten, visible, without_end


def conflict(*contents):
    base, target, agent = (Side(mode="100644", oid="1" * 40, content=content) for content in contents)
    return Conflict(path="f", kind="content", paths=("f",), stages={}, base=base, target=target, agent=agent)


@pytest.mark.parametrize("charset", ["utf-8", "latin-1"])
@given(data=st.binary() | st.text().map(str.encode))
def test_every_byte_comes_back(charset, data):
    codec = Codec(charset)
    assert codec.read(codec.show(data)) == data


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("é\tx\n".encode(), "é\tx\n"),
        (b"\xff", "⟦FF⟧"),
        (b"a\rb\x00\x1b", "a⟦0D⟧b⟦00⟧⟦1B⟧"),
        ("⟦41⟧".encode(), "⟦E2⟧⟦9F⟧⟦A6⟧41⟧"),
        ("a\u202eb".encode(), "a⟦E2⟧⟦80⟧⟦AE⟧b"),
    ],
    ids=["plain", "broken", "control", "look-alike", "direction"],
)
def test_what_is_shown(data, shown):
    assert Codec("utf-8").show(data) == shown


@pytest.mark.parametrize(
    ("contents", "charset"),
    [
        ((b"a", "é".encode(), b"b"), "utf-8"),
        ((b"\xe9", b"\xe9a", b"b"), "latin-1"),
        (("éèê".encode(), "éèê\n".encode() + b"\xff", b""), "utf-8"),
        ((b"", b"\xff", b""), "latin-1"),
    ],
    ids=["utf-8", "latin-1", "a-few-broken", "only-broken"],
)
def test_charset(contents, charset):
    assert codec_of(conflict(*contents)).charset == charset


@given(st.binary())
def test_lines_join_to_the_text(data):
    lines = lines_of(data)
    assert b"".join(lines) == data
    assert all(line.count(b"\n") == line.endswith(b"\n") for line in lines)


def test_one_line_end_is_taken_off():
    assert [without_end(line) for line in (b"a\n", b"a\r\n", b"a\r", b"a\r\r\n")] == [
        b"a",
        b"a",
        b"a\r",
        b"a\r",
    ]


def test_shorten_keeps_both_ends():
    text = "a" * 100 + "b" * 100
    short = shorten(text, 40)
    assert short.startswith("a" * 30 + "\n[… 160 characters left out …]\n")
    assert short.endswith("b" * 10)
    assert shorten(text, 200) == text


def test_visible_never_fails():
    assert visible(b"ok \xff\x07") == "ok \ufffd⟦07⟧"
