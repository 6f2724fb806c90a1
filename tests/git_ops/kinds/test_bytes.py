"""Texts and names that break tools which parse what Git prints: every byte is kept, whatever it looks like."""

import dataclasses

import pytest


def numbered(count=12, end="\n"):
    return "".join(f"line {i}{end}" for i in range(1, count + 1))


def with_line(text, number, new, end="\n"):
    lines = text.splitlines(keepends=True)
    lines[number - 1] = new + end
    return "".join(lines)


@dataclasses.dataclass(frozen=True)
class Text:
    name: str
    base: bytes
    target: bytes
    agent: bytes
    hunks: int = 1
    files: dict = dataclasses.field(default_factory=dict)
    path: str = "f"


PLAIN = numbered()
CRLF = numbered(end="\r\n")
LOOKALIKE = "How it looks:\n\n<<<<<<< ours\none\n||||||| base\n=======\ntwo\n>>>>>>> theirs\n\nThe end.\n"
HEADING = "Title\n=======\n\nText.\n\nNext\n=======\n\nMore.\n"
TEXTS = (
    Text(
        "CRLF on both sides",
        CRLF.encode(),
        with_line(CRLF, 3, "t", "\r\n").encode(),
        with_line(CRLF, 3, "a", "\r\n").encode(),
    ),
    Text(
        "whole-file change of line ends",
        PLAIN.encode(),
        with_line(PLAIN, 3, "t").encode(),
        CRLF.encode(),
    ),
    Text(
        "latin-1",
        "gr\xfcn\nx\nblau\n".encode("latin-1"),
        "gr\xfcn\nt\xe4\nblau\n".encode("latin-1"),
        "gr\xfcn\na\xe9\nblau\n".encode("latin-1"),
    ),
    Text("no newline at the end of one side", b"a\nb\n", b"a\nt", b"a\nagent\n"),
    Text("no newline at the end of all", b"a\nb", b"a\nt", b"a\nagent"),
    Text(
        "conflict-marker-size",
        PLAIN.encode(),
        with_line(PLAIN, 3, "t").encode(),
        with_line(PLAIN, 3, "a").encode(),
        files={".gitattributes": "* conflict-marker-size=20\n"},
    ),
    Text(
        "look-alike markers",
        LOOKALIKE.encode(),
        LOOKALIKE.replace("two", "deux").encode(),
        LOOKALIKE.replace("two", "zwei").encode(),
    ),
    Text(
        "headings that look like markers",
        HEADING.encode(),
        HEADING.replace("Next", "After").encode(),
        HEADING.replace("Next", "Then").encode(),
    ),
    *(
        Text(f"name with {what}", b"a\n", b"t\n", b"b\n", path=path)
        for what, path in (
            ("a tab", "d/with\ttab"),
            ("a quote", 'with"quote\\'),
            ("a newline", "with\nnewline"),
            ("other bytes than UTF-8", "with\udcff\udcfe"),
            ("a glob", "*[a]?"),
            ("a tilde", "f~main"),
            ("a colon", ":(top)f"),
        )
    ),
)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.name)
def test_hunks_splice_to_each_side(text, fork):
    fork.build({text.path: text.base} | text.files, {text.path: text.target}, {text.path: text.agent})
    (conflict,) = fork.conflicts()
    assert (conflict.path, conflict.kind, len(conflict.hunks)) == (text.path, "content", text.hunks)
    assert conflict.stages.keys() == {text.path}
    assert (conflict.base.content, conflict.target.content) == (text.base, text.target)
    assert conflict.splice({hunk.id: hunk.target for hunk in conflict.hunks}) == text.target
    assert conflict.splice({hunk.id: hunk.agent for hunk in conflict.hunks}) == text.agent


def test_a_file_called_like_a_parked_one_is_left_alone(fork, new_fork):
    """Somebody may know the target's commit and call a file by the name that Git would park at."""
    fork.commit("base", 1, (), {"keep": "kept\n"})
    fork.commit("main", 2, (1,), {"p": "file\n"})
    fork.commit("work", 3, (1,), {"p/q": "q\n"})
    fork.done()
    mine = f"p~{fork.onto}"
    again = new_fork()
    again.build({"keep": "kept\n"}, {"p": "file\n"}, {"p/q": "q\n", mine: "a person's\n"})
    assert again.onto == fork.onto
    (conflict,) = again.conflicts()
    assert (conflict.path, conflict.kind) == ("p", "file/directory")
    assert set(conflict.stages) == {f"{mine}_0"}
    for option in again.options(conflict):
        tree = again.tree_with(option.files)
        assert tree[mine] == ("100644", b"a person's\n")
        assert f"{mine}_0" not in tree


def test_several_merge_bases_give_a_base_with_markers_in_it(fork):
    """Criss-cross: Git merges the bases first. The hunks' sides are free of markers, and nothing is lost."""
    fork.commit("x", 1, (), {"f": numbered()})
    fork.commit("a", 2, (1,), {"f": with_line(numbered(), 3, "first")})
    fork.commit("b", 3, (1,), {"f": with_line(numbered(), 3, "second")})
    fork.commit("main", 4, (2, 3), {"f": with_line(numbered(), 3, "target's")})
    fork.commit("work", 5, (3, 2), {"f": with_line(numbered(), 3, "agent's")})
    fork.done()
    (conflict,) = fork.conflicts()
    (hunk,) = conflict.hunks
    assert (hunk.target, hunk.agent) == (b"target's\n", b"agent's\n")
    assert b"<<<<" in conflict.base.content
    assert conflict.splice({hunk.id: hunk.target}) == conflict.target.content
