"""Every kind of conflict as a real merge: what it is called, which stages it has, and what the rules alone make of it.

Where a situation has a `result`, the whole tree is compared, byte for byte. Where it has a `why`, the rules must
abstain with that, and the options must be those named; each is then put into the tree.
"""

import dataclasses

import pytest

from git_ops.resolve.chain import Settled, Unsettled
from git_ops.resolve.options import options_of


def link(to):
    return "120000", to


def submodule(digit):
    return "160000", digit * 40


def script(text):
    return "100755", text


def numbered(word="line", count=12):
    return "".join(f"{word} {i} of {count}\n" for i in range(1, count + 1))


def edited(text, number, new):
    """The text with its line of that number (from 1) replaced."""
    lines = text.splitlines(keepends=True)
    lines[number - 1] = new + "\n"
    return "".join(lines)


def moved(files, old, new):
    """The changes that move every file of a directory to another one."""
    return dict.fromkeys(files) | {path.replace(old, new, 1): text for path, text in files.items()}


L, M = numbered(), numbered("other")
T, A = edited(L, 3, "target's"), edited(L, 3, "agent's")
A9 = edited(L, 9, "agent's")
T_A9 = edited(T, 9, "agent's")
DIR = {f"d/{i}.py": numbered(f"file {i}") for i in range(4)}
KEEP = {"keep": "kept\n"}
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n"
LONG = numbered(count=20)
REWRITTEN = "".join(f"line {i} of 20\n" if 6 <= i <= 13 else f"quite new {i}\n" for i in range(1, 21))
"""Two fifths of it: less than Git takes for a rename."""
LOCK = '{{\n  "name": "x",\n  "lockfileVersion": 3,\n  "needs": "{}"\n}}\n'
SUM = "{} {} h1:{}=\n{} {}/go.mod h1:{}=\n"


def hashes(*modules):
    return "".join(SUM.format(m, v, h, m, v, h) for m, v, h in modules)


@dataclasses.dataclass(frozen=True)
class Situation:
    name: str
    base: dict
    target: dict
    agent: dict
    kinds: dict
    """Path to kind; empty: Git merges it, and it is no conflict at all."""
    stages: dict = dataclasses.field(default_factory=dict)
    """Path (`~` for a name that Git made up) to the numbers of its stages."""
    result: dict | None = None
    why: str = ""
    options: tuple = ()


SIDES = ("keep-target", "take-agent")
BOTH = (*SIDES, "keep-both")
SITUATIONS = (
    Situation(
        "content", {"f": L}, {"f": T}, {"f": A}, {"f": "content"}, {"f": "123"}, why="its text must be merged"
    ),
    Situation("add/add", KEEP, {"f": L}, {"f": M}, {"f": "add/add"}, {"f": "23"}, why="no common origin"),
    Situation(
        "add/add: moved and rewritten by both",
        {"old.txt": LONG} | KEEP,
        {"old.txt": None, "new.txt": numbered("target", 28) + edited(LONG, 3, "target's")},
        {"old.txt": None, "new.txt": edited(LONG, 9, "agent's") + numbered("agent's", 28)},
        {"new.txt": "add/add"},
        {"new.txt": "23"},
        result={
            "new.txt": numbered("target", 28)
            + edited(edited(LONG, 3, "target's"), 9, "agent's")
            + numbered("agent's", 28)
        }
        | KEEP,
    ),
    Situation(
        "mode: added twice, one executable",
        KEEP,
        {"f": "same\n"},
        {"f": script("same\n")},
        {"f": "mode"},
        {"f": "23"},
        result={"f": script("same\n")} | KEEP,
    ),
    Situation(
        "content and mode",
        {"f": L},
        {"f": T},
        {"f": script(A)},
        {"f": "content"},
        {"f": "123"},
        why="its text",
    ),
    Situation(
        "modify/delete: target removed",
        {"f": L} | KEEP,
        {"f": None},
        {"f": A},
        {"f": "modify/delete"},
        {"f": "13"},
        why="the target removed what the agent edited",
        options=("keep-deleted", "keep-modified"),
    ),
    Situation(
        "modify/delete: agent removed",
        {"f": L} | KEEP,
        {"f": T},
        {"f": None},
        {"f": "modify/delete"},
        {"f": "12"},
        why="the agent removed what the target edited",
        options=("keep-modified", "keep-deleted"),
    ),
    Situation(
        "modify/delete: only blanks changed",
        {"f": L} | KEEP,
        {"f": None},
        {"f": L.replace("\n", "  \r\n")},
        {"f": "modify/delete"},
        {"f": "13"},
        result=KEEP,
    ),
    Situation(
        "modify/delete: target moved and rewrote it",
        {"f.py": LONG} | KEEP,
        {"f.py": None, "g/f.py": REWRITTEN},
        {"f.py": edited(LONG, 10, "agent's")},
        {"f.py": "modify/delete"},
        {"f.py": "13"},
        result={"g/f.py": REWRITTEN.replace("line 10 of 20", "agent's")} | KEEP,
    ),
    Situation(
        "modify/delete: agent moved and rewrote it",
        {"f.py": LONG} | KEEP,
        {"f.py": edited(LONG, 10, "target's")},
        {"f.py": None, "g/f.py": REWRITTEN},
        {"f.py": "modify/delete"},
        {"f.py": "12"},
        result={"g/f.py": REWRITTEN.replace("line 10 of 20", "target's")} | KEEP,
    ),
    Situation(
        "modify/delete: a submodule",
        {"s": submodule("1")} | KEEP,
        {"s": None},
        {"s": submodule("2")},
        {"s": "modify/delete"},
        {"s": "13"},
        why="isn't a regular file",
        options=("keep-deleted", "keep-modified"),
    ),
    Situation(
        "rename/delete: nothing but the name",
        {"f": L} | KEEP,
        {"f": None},
        {"f": None, "g": L},
        {"g": "rename/delete"},
        {"g": "13"},
        why="the target removed what the agent renamed",
        options=("keep-deleted", "keep-modified"),
    ),
    Situation(
        "rename/delete: edited",
        {"f": L} | KEEP,
        {"f": None},
        {"f": None, "g": A},
        {"g": "rename/delete"},
        {"g": "13"},
        why="the target removed what the agent edited",
        options=("keep-deleted", "keep-modified"),
    ),
    Situation(
        "rename/delete: edited by the target",
        {"f": L} | KEEP,
        {"f": None, "g": T},
        {"f": None},
        {"g": "rename/delete"},
        {"g": "12"},
        why="the agent removed what the target edited",
        options=("keep-modified", "keep-deleted"),
    ),
    Situation(
        "rename/delete: both moved it, target rewrote it",
        {"f.py": LONG} | KEEP,
        {"f.py": None, "h/f.py": REWRITTEN},
        {"f.py": None, "g/f.py": edited(LONG, 10, "agent's")},
        {"g/f.py": "rename/delete"},
        {"g/f.py": "13"},
        result={"h/f.py": REWRITTEN.replace("line 10 of 20", "agent's")} | KEEP,
    ),
    Situation(
        "rename/rename: text merges",
        {"f": L},
        {"f": None, "t": T},
        {"f": None, "a": A9},
        {"t": "rename/rename"},
        {"f": "1", "t": "2", "a": "3"},
        result={"t": T_A9},
    ),
    Situation(
        "rename/rename: text conflicts",
        {"f": L},
        {"f": None, "t": T},
        {"f": None, "a": A},
        {"t": "rename/rename"},
        {"f": "1", "t": "2", "a": "3"},
        why="both sides renamed f; its name is t",
        options=("target-name", "agent-name"),
    ),
    Situation(
        "rename/rename: directory and last part",
        DIR,
        moved(DIR, "d/", "e/"),
        {"d/0.py": None, "d/zero.py": edited(DIR["d/0.py"], 5, "agent's")},
        {"e/0.py": "rename/rename"},
        {"d/0.py": "1", "e/0.py": "2", "e/zero.py": "3"},
        result={f"e/{i}.py": DIR[f"d/{i}.py"] for i in (1, 2, 3)}
        | {"e/zero.py": edited(DIR["d/0.py"], 5, "agent's")},
    ),
    Situation(
        "rename/rename: and a third file at one of the names",
        {"f": L},
        {"f": None, "t": T},
        {"f": None, "a": A, "t": M},
        {"t": "rename/rename"},
        {"f": "1", "t": "23", "a": "3"},
        why="other changes meet at the names",
        options=SIDES,
    ),
    Situation(
        "rename/rename: binary",
        {"f": b"\0" + L.encode()},
        {"f": None, "t": b"\0" + T.encode()},
        {"f": None, "a": b"\0" + L.encode()},
        {"t": "rename/rename"},
        {"f": "1", "t": "2", "a": "3"},
        result={"t": b"\0" + T.encode()},
    ),
    Situation(
        "rename/rename 2 to 1",
        {"f": L, "g": M},
        {"f": None, "x": T},
        {"g": None, "x": edited(M, 9, "agent's")},
        {"x": "rename/rename-2to1"},
        {"x": "23"},
        why="no common origin",
        options=BOTH,
    ),
    Situation(
        "rename/add",
        {"f": L} | KEEP,
        {"f": None, "x": L},
        {"x": M},
        {"x": "rename/add"},
        {"x": "23"},
        why="no common origin",
        options=BOTH,
    ),
    Situation(
        "rename/add: the agent renamed",
        {"f": L} | KEEP,
        {"x": M},
        {"f": None, "x": A},
        {"x": "rename/add"},
        {"x": "23"},
        why="no common origin",
        options=BOTH,
    ),
    Situation(
        "rename collision",
        {"f": L} | KEEP,
        {"f": None, "x": T},
        {"x": M, "f": A},
        {"x": "rename-collision"},
        {"x": "23"},
        why="no common origin",
        options=BOTH,
    ),
    Situation(
        "directory rename",
        DIR,
        moved(DIR, "d/", "e/"),
        {"d/new.py": "new\n"},
        {"e/new.py": "directory-rename"},
        {"e/new.py": "3"},
        result={path.replace("d/", "e/"): text for path, text in DIR.items()} | {"e/new.py": "new\n"},
    ),
    Situation(
        "directory rename: by the agent",
        DIR,
        {"d/new.py": "new\n"},
        moved(DIR, "d/", "e/"),
        {"e/new.py": "directory-rename"},
        {"e/new.py": "2"},
        result={path.replace("d/", "e/"): text for path, text in DIR.items()} | {"e/new.py": "new\n"},
    ),
    Situation(
        "directory rename: moved in and edited",
        DIR | {"o.py": L},
        moved(DIR, "d/", "e/") | {"o.py": T},
        {"o.py": None, "d/o.py": A},
        {"e/o.py": "directory-rename"},
        {"e/o.py": "123"},
        why="the whole directory of d/o.py was renamed",
        options=("follow", "stay"),
    ),
    Situation(
        "directory rename: one went elsewhere",
        DIR,
        moved(DIR, "d/", "e/") | {"e/3.py": None, "g/3.py": DIR["d/3.py"]},
        {"d/new.py": "new\n"},
        {"e/new.py": "directory-rename"},
        {"e/new.py": "3"},
        why="not all of the directory's files went",
        options=("follow", "stay"),
    ),
    Situation(
        "directory rename: occupied",
        DIR,
        moved(DIR, "d/", "e/") | {"e/new.py": M},
        {"d/new.py": L},
        {"e/new.py": "directory-rename"},
        {"e/new.py": "23"},
        why="another file on the side that renamed",
        options=("stay", "merge"),
    ),
    Situation(
        "directory rename split",
        DIR,
        dict.fromkeys(DIR)
        | {
            "e/0.py": DIR["d/0.py"],
            "e/1.py": DIR["d/1.py"],
            "g/2.py": DIR["d/2.py"],
            "g/3.py": DIR["d/3.py"],
        },
        {"d/new.py": "new\n"},
        {"d": "directory-rename-split"},
        {},
        why="went to several places",
        options=("stay", "move-1", "move-2"),
    ),
    Situation(
        "directory rename collision",
        DIR | {f"h/{i}.c": numbered(f"more {i}") for i in range(4)},
        moved(DIR, "d/", "e/") | moved({f"h/{i}.c": numbered(f"more {i}") for i in range(4)}, "h/", "e/"),
        {"d/new": "new\n", "h/new": "newer\n"},
        {"e/new": "directory-rename-collision"},
        {},
        why="several files to one",
        options=("stay",),
    ),
    Situation(
        "file/directory",
        KEEP,
        {"p/q": "q\n"},
        {"p": "file\n"},
        {"p": "file/directory"},
        {"p~": "3"},
        why="the agent has a file where the target has a directory",
        options=BOTH,
    ),
    Situation(
        "file/directory: the target's file",
        KEEP,
        {"p": "file\n"},
        {"p/q": "q\n"},
        {"p": "file/directory"},
        {"p~": "2"},
        why="the target has a file where the agent has a directory",
        options=BOTH,
    ),
    Situation(
        "file/directory: a file became a directory",
        {"p": L} | KEEP,
        {"p": None, "p/q": "q\n"},
        {"p": A},
        {"p": "file/directory"},
        {"p~": "13"},
        why="no file has taken its place",
        options=BOTH,
    ),
    Situation(
        "file/directory: and the edit is one of blanks",
        {"p": L} | KEEP,
        {"p": None, "p/q": "q\n"},
        {"p": L.replace("\n", " \n")},
        {"p": "file/directory"},
        {"p~": "13"},
        result={"p/q": "q\n"} | KEEP,
    ),
    Situation(
        "file/directory: moved below itself and rewritten",
        {"p.d": LONG} | KEEP,
        {"p.d": None, "p.d/p.d": REWRITTEN},
        {"p.d": edited(LONG, 10, "agent's")},
        {"p.d": "file/directory"},
        {"p.d~": "13"},
        result={"p.d/p.d": REWRITTEN.replace("line 10 of 20", "agent's")} | KEEP,
    ),
    Situation(
        "file/directory: with changes below",
        {"d/f": L} | KEEP,
        {"d/f": None, "d": "now a file\n"},
        {"d/f": A},
        {"d": "file/directory"},
        {"d~": "2", "d/f": "13"},
        why="the target has a file where the agent has a directory",
        options=SIDES,
    ),
    Situation(
        "distinct types: link and file",
        KEEP,
        {"l": link("keep")},
        {"l": "file\n"},
        {"l": "distinct-types"},
        {"l": "2", "l~": "3"},
        why="the target has a link here, the agent a file",
        options=BOTH,
    ),
    Situation(
        "distinct types: file became a link",
        {"l": L} | KEEP,
        {"l": link("keep")},
        {"l": A},
        {"l": "distinct-types"},
        {"l": "2", "l~": "13"},
        why="the target has a link here, the agent a file",
        options=BOTH,
    ),
    Situation(
        "distinct types: and the edit is one of blanks",
        {"l": L} | KEEP,
        {"l": L.replace("\n", "\r\n")},
        {"l": link("keep")},
        {"l": "distinct-types"},
        {"l": "3", "l~": "12"},
        result={"l": link("keep")} | KEEP,
    ),
    Situation(
        "distinct types: submodule and file",
        KEEP,
        {"s": submodule("2")},
        {"s": "file\n"},
        {"s": "distinct-types"},
        {"s": "2", "s~": "3"},
        why="the target has a submodule here, the agent a file",
        options=BOTH,
    ),
    Situation(
        "symlink",
        {"l": link("keep")} | KEEP,
        {"l": link("t")},
        {"l": link("../../etc/passwd")},
        {"l": "symlink"},
        {"l": "123"},
        why="the target has t, the agent has ../../etc/passwd".replace("the ", ""),
        options=SIDES,
    ),
    Situation(
        "symlink: added twice",
        KEEP,
        {"l": link("t")},
        {"l": link("/etc")},
        {"l": "symlink"},
        {"l": "23"},
        why="both sides changed where the link goes",
        options=SIDES,
    ),
    Situation(
        "submodule",
        {"s": submodule("1")} | KEEP,
        {"s": submodule("2")},
        {"s": submodule("3")},
        {"s": "submodule"},
        {"s": "123"},
        why="neither is known to contain the other",
        options=SIDES,
    ),
    Situation(
        "submodule: added twice",
        KEEP,
        {"s": submodule("2")},
        {"s": submodule("3")},
        {"s": "submodule"},
        {"s": "23"},
        why="neither is known to contain the other",
        options=SIDES,
    ),
    Situation(
        "binary",
        {"b": b"\0base"},
        {"b": b"\0target"},
        {"b": b"\0agent"},
        {"b": "binary"},
        {"b": "123"},
        why="both sides changed it (binary)",
        options=SIDES,
    ),
    Situation(
        "binary: by attribute",
        {"f.x": L, ".gitattributes": "*.x binary\n"},
        {"f.x": T},
        {"f.x": A9},
        {"f.x": "binary"},
        {"f.x": "123"},
        why="both sides changed it (binary)",
        options=SIDES,
    ),
    Situation(
        "binary: -merge attribute below",
        {"d/f": L, "d/.gitattributes": "f -merge\n"},
        {"d/f": T},
        {"d/f": A9},
        {"d/f": "binary"},
        {"d/f": "123"},
        why="both sides changed it (binary)",
        options=SIDES,
    ),
    Situation(
        "lfs-pointer",
        {"f": POINTER.format("0" * 64)},
        {"f": POINTER.format("1" * 64)},
        {"f": POINTER.format("2" * 64)},
        {"f": "lfs-pointer"},
        {"f": "123"},
        why="both sides changed it (lfs-pointer)",
        options=SIDES,
    ),
    Situation(
        "lfs-pointer: one object, written twice",
        {"f": POINTER.format("0" * 64)},
        {"f": POINTER.format("1" * 64)},
        {"f": POINTER.format("1" * 64).replace("v1\n", "v1\next-0-x sha256:5\n")},
        {"f": "lfs-pointer"},
        {"f": "123"},
        result={"f": POINTER.format("1" * 64)},
    ),
    Situation(
        "lfs-pointer: against the file itself",
        {"f": L},
        {"f": POINTER.format("1" * 64)},
        {"f": A},
        {"f": "lfs-pointer"},
        {"f": "123"},
        why="both sides changed it (lfs-pointer)",
        options=SIDES,
    ),
    Situation(
        "large",
        {"f": "x" * 2**20 + "\n"},
        {"f": "x" * 2**20 + "t\n"},
        {"f": "x" * 2**20 + "a\n"},
        {"f": "large"},
        {"f": "123"},
        why="both sides changed it (large)",
        options=SIDES,
    ),
    Situation(
        "generated: lock file",
        {"w/package-lock.json": LOCK.format("a")},
        {"w/package-lock.json": LOCK.format("b")},
        {"w/package-lock.json": LOCK.format("c")},
        {"w/package-lock.json": "generated"},
        {"w/package-lock.json": "123"},
        why="run `npm install --package-lock-only`",
    ),
    Situation(
        "generated: says so itself",
        {"f.go": "// Code generated by protoc-gen-go. DO NOT EDIT.\n" + L},
        {"f.go": "// Code generated by protoc-gen-go. DO NOT EDIT.\n" + T},
        {"f.go": "// Code generated by protoc-gen-go. DO NOT EDIT.\n" + A},
        {"f.go": "generated"},
        {"f.go": "123"},
        why="run what generates it",
    ),
    Situation(
        "generated: by attribute",
        {"api/f": L, ".gitattributes": "api/** linguist-generated\n"},
        {"api/f": T},
        {"api/f": A},
        {"api/f": "generated"},
        {"api/f": "123"},
        why="run what generates it",
    ),
    Situation(
        "generated: an attribute says it isn't",
        {"yarn.lock": L, ".gitattributes": "yarn.lock -linguist-generated\n"},
        {"yarn.lock": T},
        {"yarn.lock": A},
        {"yarn.lock": "content"},
        {"yarn.lock": "123"},
        why="its text must be merged",
    ),
    Situation(
        "generated: go.sum",
        {"go.sum": hashes(("a.org/a", "v1.0.0", "A"))},
        {"go.sum": hashes(("a.org/a", "v1.0.0", "A"), ("a.org/a", "v1.10.0", "T"))},
        {"go.sum": hashes(("a.org/a", "v1.0.0", "A"), ("a.org/a", "v1.9.0", "B"))},
        {"go.sum": "generated"},
        {"go.sum": "123"},
        result={
            "go.sum": hashes(
                ("a.org/a", "v1.0.0", "A"), ("a.org/a", "v1.9.0", "B"), ("a.org/a", "v1.10.0", "T")
            )
        },
    ),
    Situation(
        "generated: go.sum with two hashes for one module",
        {"go.sum": hashes(("a.org/a", "v1.0.0", "A"))},
        {"go.sum": hashes(("a.org/a", "v1.0.0", "A"), ("b.org/b", "v1.1.0", "GOOD"))},
        {"go.sum": hashes(("a.org/a", "v1.0.0", "A"), ("b.org/b", "v1.1.0", "EVIL"))},
        {"go.sum": "generated"},
        {"go.sum": "123"},
        why="different hashes for b.org/b v1.1.0",
    ),
    Situation(
        "no conflict: merge=union in a bare repository",
        {"CHANGES": "old\n", ".gitattributes": "CHANGES merge=union\n"},
        {"CHANGES": "target's\nold\n"},
        {"CHANGES": "agent's\nold\n"},
        {},
        result={"CHANGES": "target's\nagent's\nold\n", ".gitattributes": "CHANGES merge=union\n"},
    ),
    Situation("no conflict: one change on both sides", {"f": L}, {"f": T}, {"f": T}, {}, result={"f": T}),
    Situation(
        "no conflict: renamed and edited",
        {"f": L},
        {"f": None, "g": L},
        {"f": A},
        {},
        result={"g": A},
    ),
)


@pytest.fixture(scope="module", params=SITUATIONS, ids=lambda situation: situation.name)
def situation(request):
    return request.param


@pytest.fixture(scope="module")
def built(situation, new_fork):
    return new_fork().build(situation.base, situation.target, situation.agent)


def test_kind_and_stages(situation, built):
    assert built.merged.clean == (not situation.kinds)
    found = built.conflicts() if situation.kinds else ()
    assert {conflict.path: conflict.kind for conflict in found} == situation.kinds
    stages = {
        unlabelled(path): "".join(map(str, sorted(there)))
        for conflict in found
        for path, there in conflict.stages.items()
    }
    assert stages == situation.stages
    for conflict in found:
        assert conflict.stages.keys() <= set(conflict.paths)
        assert conflict.path in conflict.paths
        assert "~" not in conflict.path
        assert conflict.message
        assert conflict.textual == (conflict.kind in {"content", "add/add"})


def unlabelled(path):
    name, tilde, label = path.partition("~")
    return name + tilde if len(label) >= 40 else path


def test_rules_alone(situation, built):
    if not situation.kinds:
        assert built.files(built.merged.tree) == built.entries(situation.result)
        return
    outcomes = built.settle()
    if situation.result is not None:
        assert all(isinstance(outcome, Settled) for outcome in outcomes), outcomes
        tree = built.tree_with(*(outcome.resolution.files for outcome in outcomes))
        assert tree == built.entries(situation.result)
    else:
        assert all(isinstance(outcome, Unsettled) for outcome in outcomes)
        assert situation.why in "; ".join(outcome.why for outcome in outcomes)


def test_options(situation, built):
    """Each decides every path with stages, takes away every name that Git made up, and puts sides' own bytes."""
    if not situation.why:
        return
    (conflict,) = built.conflicts()
    options = options_of(conflict, built.context)
    assert tuple(option.name for option in options) == situation.options
    own = {content for side in (built.onto, built.tip) for _, content in built.files(side).values()}
    for option in options:
        rest = option.rest
        assert conflict.stages.keys() <= option.files.keys() | ({rest.path} if rest else set())
        tree = built.tree_with(option.files)
        assert not built.parked() & tree.keys()
        assert rest is None or (rest.path not in option.files and rest.hunks)
        left = {path: content for path, (_, content) in tree.items() if rest is None or path != rest.path}
        assert set(left.values()) <= own
