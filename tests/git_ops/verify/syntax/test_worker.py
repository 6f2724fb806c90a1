"""The worker as its only caller sees it: through the pipe."""

import pytest

from git_ops.verify.syntax import occurrences, outline

PYTHON = b"""\
import os
import os

LIMIT = 1

class A:
    @property
    def f(self):
        inner = 1
        return inner
    def g(self): pass
    def g(self): pass
"""


def test_definitions_and_where_they_stand():
    found = outline("a.py", PYTHON)
    assert [(d.name, d.kind, d.member, d.first, d.last) for d in found.definitions] == [
        ("LIMIT", "variable", False, 3, 3), ("A", "type", False, 5, 11),
        ("f", "function", True, 6, 9), ("g", "function", True, 10, 10), ("g", "function", True, 11, 11),
    ]  # fmt: skip
    assert found.repeats == {"import os": 2, "A/function g": 2}
    assert (found.errors, found.first_error, found.problem) == (0, None, None)


@pytest.mark.parametrize(
    ("path", "text", "roles"),
    [
        ("a.py", b"# foo\nfoo(1)\n'foo'\nx(foo=1)\na.foo\n", ["use", "key", "use"]),
        ("a.py", b"def foo(foo=1): pass\n", ["binding", "binding"]),
        ("a.py", b"foo = 1\nfor foo in x: pass\nfoo, y = 1, 2\n", ["binding"] * 3),
        ("a.py", b"from a import foo\nfrom a import b as foo\n", ["import", "binding"]),
        ("a.js", b"// foo\nfoo(1);\n'foo';\nx({foo: 1});\na.foo;\n", ["use", "key", "use"]),
        ("a.js", b"let foo = 1, b = foo;\nfor (const foo of x);\n", ["binding", "use", "binding"]),
        ("a.js", b"import {foo} from 'a';\nfunction foo(foo) {}\n", ["import", "binding", "binding"]),
        (
            "a.c",
            b"int *foo(int x) { foo(1); return foo; }\nvoid g(int foo);\n",
            ["binding", "use", "use", "binding"],
        ),
        ("a.c", b"#define foo 1\nint foo = foo;\n/* foo */\n", ["binding", "binding", "use"]),
    ],
)
def test_roles_of_a_name(path, text, roles):
    assert [one.role for one in occurrences(path, text, ["foo"])] == roles


def test_place_of_a_name():
    (one,) = occurrences("a.py", b"\n\nx = [1, foo]\n", ["foo"])
    assert (one.name, one.row, one.column) == ("foo", 2, 8)


@pytest.mark.parametrize(
    "text", [b"[" * 200_000, b'{"a":' * 40_000, b"(" * 200_000, b"\xff\xfe\0\0" * 1000, b""]
)
@pytest.mark.parametrize("path", ["a.json", "a.py", "a.js", "a.c", "a.toml"])
def test_hostile_text_ends_nothing_here(path, text):
    assert outline(path, text) is not None


@pytest.mark.parametrize(
    ("path", "text", "errors", "first"),
    [
        ("a.py", b"x = 1\n", 0, None),
        ("a.js", b"let a;\nlet = = 2;\n", 1, 1),
        ("a.c", b"@ " * 3_000, 1_000, 0),
    ],
)
def test_errors_are_counted_up_to_a_bound(path, text, errors, first):
    found = outline(path, text)
    assert found.errors <= errors
    assert bool(found.errors) == bool(errors)
    assert found.first_error == first


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", b"x = 1 if\n"), ("a.json", b"[1,]"), ("a.toml", b"a = 1\na = 2\n"), ("a.yml", b"a: b: c\n"),
        ("a.toml", b"\xff"), ("a.py", b"x = 1\0"), ("a.json", b"[" * 100_000),
    ],
)  # fmt: skip
def test_the_formats_own_parser_has_a_say(path, text):
    assert outline(path, text).problem


def test_names_that_are_no_text_survive_the_way():
    found = outline("a.json", b'{"\xff": 1, "\xff": 2}')
    assert found.repeats == {'key "\udcff"': 2}
