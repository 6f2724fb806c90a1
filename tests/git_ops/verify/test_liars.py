"""Answers of a liar: each is refused by the gate that is meant for it, whoever gives it."""

import dataclasses

import pytest

from git_ops.conflict import File

HEAD = b'"""Things."""\n\nimport os\n\n\ndef first():\n    return os.name\n\n\ndef settings():\n'
BASE = b"    size = 1\n    return size\n"
TARGET = b"    size = 2\n    return size\n"
AGENT = b"    size = 1\n    colour = 'red'\n    return size, colour\n"
HONEST = b"    size = 2\n    colour = 'red'\n    return size, colour\n"
TAIL = b"\n\ndef last():\n    return first()\n"


@pytest.fixture
def python(make_case):
    return make_case(BASE, TARGET, AGENT, path="things.py", head=HEAD, tail=TAIL)


LIES = {
    "the target's side only": ("changes-preserved", TARGET),
    "the agent's side only": ("changes-preserved", AGENT),
    "neither side": ("changes-preserved", BASE),
    "nothing": ("changes-preserved", b""),
    "a line in the middle is gone": ("changes-preserved", HONEST.replace(b"    colour = 'red'\n", b"")),
    "a removed line is back": ("changes-preserved", b"    size = 1\n" + HONEST),
    "markers": ("marker-lines", b"<<<<<<< target\n" + TARGET + b"=======\n" + AGENT + b">>>>>>> agent\n"),
    "long markers with CRLF": ("marker-lines", HONEST + b"<<<<<<<<<<<<<<<<<<<< x\r\n"),
    "prose": ("parses", b"Sure! I kept both: size = 2, and colour = 'red'; return size, colour.\n" + HONEST),
    "a code fence": ("parses", b"```python\n" + HONEST + b"```\n"),
    "invalid syntax": ("parses", HONEST.replace(b"colour = 'red'", b"colour = 'red")),
    "duplicate definition": ("no-duplicates", HONEST + b"\n\ndef first():\n    return None\n"),
    "duplicate import": ("no-duplicates", HONEST + b"\n\nimport os\n"),
    "line ends flipped": ("changes-preserved", HONEST.replace(b"\n", b"\r\n")),
    "the next line swallowed": ("outside-hunks", HONEST.removesuffix(b"\n")),
}


@pytest.mark.parametrize("source", ["rule", "memory", "model", "agent"])
@pytest.mark.parametrize("lie", LIES)
def test_lies_about_the_hunk(python, lie, source):
    gate, text = LIES[lie]
    assert gate in python.failed(python.hunk(text, source=source))


WHOLE = HEAD + HONEST + TAIL
EDITS = {
    "an edit far away": WHOLE.replace(b"os.name", b"os.environ"),
    "whole file re-indented": WHOLE.replace(b"    ", b"\t"),
    "whole file with other line ends": WHOLE.replace(b"\n", b"\r\n"),
    "the tail is cut off": HEAD + HONEST,
    "a blank line more": HEAD + HONEST + b"\n" + TAIL.replace(b"return first", b"return  first"),
    "the final newline is gone": WHOLE.removesuffix(b"\n"),
}


@pytest.mark.parametrize("source", ["rule", "memory", "model"])
@pytest.mark.parametrize("edit", EDITS)
def test_lies_about_the_rest_of_the_file(python, edit, source):
    assert "outside-hunks" in python.failed(python.whole(EDITS[edit], source=source))


@pytest.mark.parametrize("source", ["memory", "model", "agent"])
def test_the_hunks_show_an_honest_text_and_the_file_holds_another(python, source):
    shown = python.hunk(HONEST, source=source)
    assert python.failed(shown) == []
    given = dataclasses.replace(shown, files={"things.py": File(mode="100644", content=HEAD + TARGET + TAIL)})
    assert "changes-preserved" in python.failed(given)


FILES = {
    "an unrelated file": {
        "things.py": File(mode="100644", content=WHOLE),
        "other.py": File(mode="100644", content=b""),
    },
    "a hook": {
        "things.py": File(mode="100644", content=WHOLE),
        ".git/hooks/pre-push": File(mode="100755", content=b"#!"),
    },
    "a file outside": {
        "things.py": File(mode="100644", content=WHOLE),
        "../x": File(mode="100644", content=b""),
    },
    "a link": {"things.py": File(mode="120000", content=b"/etc/passwd")},
    "a submodule": {"things.py": File(mode="160000", oid="9" * 40)},
    "executable now": {"things.py": File(mode="100755", content=WHOLE)},
    "an object of its own": {"things.py": File(mode="100644", oid="9" * 40)},
    "nothing decided": {},
}


@pytest.mark.parametrize("source", ["memory", "model", "agent"])
@pytest.mark.parametrize("lie", FILES)
def test_lies_about_files(python, lie, source):
    given = python.whole(None, source=source, files=FILES[lie] or {"never": None})
    assert "path-set" in python.failed(given)


def test_file_deleted(python):
    assert "outside-hunks" in python.failed(python.whole(None, source="model"))


def test_the_honest_answer_passes(python):
    assert python.failed(python.hunk(HONEST)) == []
    assert python.failed(python.whole(WHOLE)) == []
