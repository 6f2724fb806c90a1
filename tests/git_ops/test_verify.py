import pytest

from git_ops.conflict import Conflict, Hunk, HunkChoice, Resolution, Side
from git_ops.verify import check_resolution, end_tree, path_set

BASE, TARGET, AGENT = b"head\nold = 1\ntail\n", b"head\nold = 2\ntail\n", b"head\nold = 1\nnew = 3\ntail\n"


def conflict(path="f.txt", base=BASE, target=TARGET, agent=AGENT, between=(b"head\n", b"tail\n")):
    def middle(text):
        return text[len(between[0]) : len(text) - len(between[1])]

    def side(text):
        return Side(mode="100644", oid="1" * 40, content=text)

    hunk = Hunk(id="h1", base=middle(base), target=middle(target), agent=middle(agent))
    return Conflict(
        path=path, kind="content", paths=(path,), base=side(base), target=side(target), agent=side(agent),
        between=between, hunks=(hunk,),
    )  # fmt: skip


def answer(text, *, of=None, content=None, dropped=(), source="model"):
    of = of or conflict()
    whole = of.splice({"h1": text}) if content is None else content
    choice = HunkChoice(id="h1", text=text, dropped=dropped)
    return Resolution(resolver="liar", source=source, why="both kept", content=whole, hunks=(choice,))


def failed(resolution, of=None):
    return [gate.name for gate in check_resolution(of or conflict(), resolution) if not gate.passed]


def test_honest_answer_passes_every_gate():
    gates = check_resolution(conflict(), answer(b"old = 2\nnew = 3\n"))
    assert [gate.name for gate in gates] == ["marker-lines", "outside-hunks", "parses", "changes-preserved"]
    assert all(gate.passed for gate in gates)


@pytest.mark.parametrize("one_side", [b"old = 2\n", b"old = 1\nnew = 3\n", b"old = 1\n", b""])
def test_one_side_only_is_caught(one_side):
    assert failed(answer(one_side)) == ["changes-preserved"]


def test_what_is_named_as_dropped_may_be_missing():
    assert failed(answer(b"old = 2\n", dropped=("new = 3",))) == []


def test_two_edits_of_one_line_may_become_a_third_line():
    of = conflict(base=b"f(a)\n", target=b"f(a, b)\n", agent=b"f(a, c=1)\n", between=(b"", b""))
    assert failed(answer(b"f(a, b, c=1)\n", of=of), of) == []
    assert failed(answer(b"f(a, b)\n", of=of), of) == ["changes-preserved"]


def test_line_that_a_side_removed_may_not_come_back():
    of = conflict(base=b"x\nunsafe()\n", target=b"y\nunsafe()\n", agent=b"x\n", between=(b"", b""))
    assert failed(answer(b"y\nunsafe()\n", of=of), of) == ["changes-preserved"]
    assert failed(answer(b"y\n", of=of), of) == []


@pytest.mark.parametrize(
    "marker", [b"<<<<<<< HEAD\n", b"=======\r\n", b">>>>>>> x\n", b"|||||||||| base\n", b"=======\n"]
)
def test_new_marker_lines_are_caught(marker):
    assert "marker-lines" in failed(answer(b"old = 2\n" + marker + b"new = 3\n"))


def test_marker_lines_that_a_side_has_may_stay():
    of = conflict(target=b"head\n=======\nold = 2\ntail\n")
    assert failed(answer(b"=======\nold = 2\nnew = 3\n", of=of), of) == []
    assert failed(answer(b"=======\n=======\nold = 2\nnew = 3\n", of=of), of) == ["marker-lines"]


@pytest.mark.parametrize(
    "content",
    [b"HEAD\nold = 2\nnew = 3\ntail\n", b"head\nold = 2\nnew = 3\ntail\nevil\n", b"old = 2\nnew = 3\n", b""],
)
def test_edit_elsewhere_is_caught(content):
    assert "outside-hunks" in failed(answer(b"old = 2\nnew = 3\n", content=content))


def test_whole_file_without_hunks_is_held_to_the_clean_parts():
    def whole(content, between):
        of = conflict(between=between)
        found = Resolution(resolver="x", source="rule", why="", content=content)
        return [g.name for g in check_resolution(of, found) if not g.passed]

    assert whole(b"head\nanything\ntail\n", (b"head\n", b"tail\n")) == []
    assert whole(b"head\ntail", (b"head\n", b"tail\n")) == ["outside-hunks"]
    assert whole(None, (b"head\n", b"tail\n")) == ["outside-hunks"]


@pytest.mark.parametrize(
    ("path", "good", "bad"),
    [
        ("a.py", b"x = 1\n", b"x = (\n"),
        ("a.json", b"{}", b'{"a": }'),
        ("a.toml", b"a = 1\n", b"a = \n"),
        ("a.yml", b"a: 1\n", b"a: [1\n"),
        ("a.py", b"x = 1\n", b"x = " + b"(" * 5_000),
    ],
)
def test_result_that_does_not_parse_is_caught(path, good, bad):
    of = conflict(path=path, base=good, target=good, agent=good, between=(b"", b""))
    assert failed(answer(bad, of=of, source="rule"), of) == ["parses"]
    assert failed(answer(good, of=of, source="rule"), of) == []
    broken = conflict(path=path, base=good, target=good, agent=bad, between=(b"", b""))
    assert failed(answer(bad, of=broken, source="rule"), broken) == []


def test_git_itself_is_not_asked_to_explain():
    found = Resolution(resolver="oracle", source="git", why="", content=b"something else\n")
    assert failed(found) == []


def test_path_set(repo):
    one = repo.tree(repo.commit({"a": "1", "b": "1"}))
    two = repo.tree(repo.commit({"a": "2", "b": "2"}))
    assert path_set(repo.git, merged=one, result=two, allowed={"a", "b"}).passed
    gate = path_set(repo.git, merged=one, result=two, allowed={"a"})
    assert (gate.name, gate.passed, gate.why) == ("path-set", False, "b was changed, too")


def test_end_tree():
    assert end_tree(oracle=None, result="1" * 40).passed
    assert end_tree(oracle="1" * 40, result="1" * 40).passed
    assert not end_tree(oracle="2" * 40, result="1" * 40).passed
