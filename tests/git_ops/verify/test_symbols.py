import pytest

from git_ops.errors import GitTimeout
from git_ops.verify import clean_but_suspicious
from git_ops.verify import symbols as symbols_module

SCENES = {
    "python": ("m.py", "def parse_it():\n    return 1\n", "n.py", "from m import parse_it\n\nprint(parse_it())\n"),
    "python, module": ("pkg/m.py", "def parse_it():\n    return 1\n", "n.py", "import m\n\nprint(m.parse_it())\n"),
    "python, method": ("m.py", "class A:\n    def parse_it(self):\n        return 1\n", "n.py", "def f(a):\n    return a.parse_it()\n"),
    "python, constant": ("m.py", "PARSE_IT = 1\n", "n.py", "from m import PARSE_IT\n"),
    "short name": ("m.py", "def foo():\n    return 1\n", "n.py", "from m import foo\n\nprint(foo())\n"),
    "javascript": ("m.js", "export function parseIt(a) {\n  return 1;\n}\n", "n.js", 'import { parseIt } from "./m";\nparseIt(1);\n'),
    "typescript from javascript": ("m.ts", "export const parseIt = 1;\n", "n.tsx", 'import { parseIt } from "./m";\n'),
    "c": ("m.c", "int parse_it(int a) {\n  return 1;\n}\n", "n.c", "int main(void) { return parse_it(1); }\n"),
    "c macro": ("m.h", "#define PARSE_IT 1\n", "n.c", "int main(void) { return PARSE_IT; }\n"),
    "go": ("p/m.go", "package p\nfunc ParseIt() int { return 1 }\n", "q/n.go", "package q\nfunc X() int { return p.ParseIt() }\n"),
    "java": ("M.java", "class M { int parseIt() { return 1; } }\n", "N.java", "class N { int x(M m) { return m.parseIt(); } }\n"),
    "rust": ("m.rs", "pub fn parse_it() {}\n", "n.rs", "use m::parse_it;\nfn x() { parse_it() }\n"),
    "ruby": ("m.rb", "def parse_it\n  1\nend\n", "n.rb", "puts parse_it(1)\n"),
}  # fmt: skip
RENAMED = {
    "parse_it": "read_it",
    "parseIt": "readIt",
    "ParseIt": "ReadIt",
    "PARSE_IT": "READ_IT",
    "foo": "bar",
}


def renamed(text):
    for old, new in RENAMED.items():
        text = text.replace(old, new)
    return text


def check(repo, base, target, agent):
    fork, onto, tip = repo.fork(base, target, agent)
    tree = repo("merge-tree", "--write-tree", onto, tip).split()[0]
    return clean_but_suspicious(repo.git, fork=fork, onto=onto, tip=tip, result=tree)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("remover", ["target", "agent"])
def test_use_of_what_was_renamed(repo, scene, remover):
    path, text, user_path, use = SCENES[scene]
    changes = [{path: renamed(text)}, {user_path: use}]
    gate = check(repo, {path: text, "other": "1"}, *(changes if remover == "target" else changes[::-1]))
    assert (gate.name, gate.passed) == ("stale-symbols", False)
    assert f"the {remover} took away from {path}" in gate.why
    assert f"{user_path}, line " in gate.why


DEFINED = {"m.py": "def parse_it():\n    return 1\n"}
RENAME = {"m.py": "def read_it():\n    return 1\n"}


def test_the_place_is_named(repo):
    gate = check(repo, DEFINED, RENAME, {"n.py": "import m\n\n\nx = parse_it()\n"})
    assert (
        gate.why
        == "parse_it, which the target took away from m.py, is used in what the agent added: n.py, line 4"
    )


def test_file_that_is_gone_took_its_definitions_with_it(repo):
    assert not check(repo, DEFINED | {"k": "1"}, {"m.py": None}, {"n.py": "from m import parse_it\n"}).passed


@pytest.mark.parametrize(
    ("target", "agent"),
    [
        # moved, or defined anew by either side
        ({"m.py": None, "k.py": DEFINED["m.py"]}, {"n.py": "x = parse_it()\n"}),
        (RENAME, {"n.py": "def parse_it():\n    return 2\n\n\nparse_it()\n"}),
        (RENAME, {"n.py": "parse_it = 1\nprint(parse_it)\n"}),
        (RENAME, {"n.py": "def f(parse_it):\n    return parse_it\n"}),
        (RENAME, {"n.py": "from x import y as parse_it\nparse_it()\n"}),
        # not that one: from elsewhere, somebody else's attribute, a key, another language
        (RENAME, {"n.py": "from vendor import parse_it\nparse_it()\n"}),
        (RENAME, {"n.py": "import vendor\nvendor.parse_it()\n"}),
        (RENAME, {"n.py": "f(parse_it=1)\nx = {'parse_it': 1}\n"}),
        (RENAME, {"n.js": "parse_it();\n"}),
        # text
        (RENAME, {"n.py": "# parse_it() was here\nx = 'parse_it'\n"}),
        (RENAME, {"CHANGES.md": "parse_it() is new\n"}),
        # whoever took the definition away goes on using the name
        (RENAME | {"k.py": "x.parse_it()\n"}, {"n.py": "parse_it()\n"}),
        (RENAME, {"templates.unknown": "parse_it\n", "n.py": "parse_it()\n"}),
        # nothing was taken away
        ({"m.py": "def parse_it():\n    return 2\n"}, {"n.py": "from m import parse_it\n"}),
        ({"k.py": "x = 1\n"}, {"n.py": "from m import parse_it\n"}),
    ],
)  # fmt: skip
def test_no_alarm(repo, target, agent):
    gate = check(repo, DEFINED, target, agent)
    assert gate.passed, gate.why


def test_no_alarm_where_the_other_side_still_used_it_before(repo):
    """A use that was there at the fork is the remover's own business."""
    base = DEFINED | {"n.py": "from m import parse_it\n\n\nparse_it()\n"}
    assert check(repo, base, RENAME, {"n.py": base["n.py"] + "parse_it()\n"}).passed


def test_built_in_names_are_there_without_a_definition(repo):
    base = {"m.py": "def filter(x):\n    return 1\n"}
    assert check(repo, base, {"m.py": "def sift(x):\n    return 1\n"}, {"n.py": "filter(1)\n"}).passed


def test_the_grammar_is_only_asked_about_names_in_question(repo, monkeypatch):
    monkeypatch.setattr(symbols_module, "outline", None)
    monkeypatch.setattr(symbols_module, "occurrences", None)
    assert check(repo, DEFINED, RENAME, {"n.py": "unrelated()\n"}).passed


def test_what_cannot_be_examined_passes_and_says_so(repo, monkeypatch):
    def slow(*args, **more):
        raise GitTimeout(("grep",), 20)

    monkeypatch.setattr(symbols_module, "_files_with", slow)
    gate = check(repo, DEFINED, RENAME, {"n.py": "parse_it()\n"})
    assert gate.passed
    assert gate.why.startswith("not examined: git grep took longer than 20 seconds")


def test_odd_paths(repo):
    gate = check(repo, DEFINED, RENAME, {'o"dd\tnäme\n.py': "x = 1\n", "s p/n.py": "parse_it()\n"})
    assert "s p/n.py, line 1" in gate.why


def test_a_huge_file_isnt_taken_apart(repo, monkeypatch):
    """What nobody wrote by hand costs a rebase nothing, and hides nothing else."""
    taken = []
    monkeypatch.setattr(symbols_module, "_NAME", Spy(symbols_module._NAME, taken))
    big = "".join(f"v{i} = 1\n" for i in range(100_000))
    gate = check(repo, DEFINED, RENAME | {"big.py": big}, {"n.py": "import m\n\n\nx = parse_it()\n"})
    assert (gate.passed, len(taken) < 20) == (False, True)


def test_too_much_code_is_told(repo, monkeypatch):
    monkeypatch.setattr(symbols_module, "_MAX_LINES", 5)
    gate = check(repo, DEFINED, RENAME, {"n.py": "import m\n\n\nx = parse_it()\n"})
    assert (gate.passed, gate.why) == (True, "not examined: a side changes more than 5 lines of code")


class Spy:
    def __init__(self, pattern, taken):
        self.pattern, self.taken = pattern, taken

    def findall(self, text):
        self.taken.append(text)
        return self.pattern.findall(text)
