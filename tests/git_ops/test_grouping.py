import pytest

from git_ops.conflict import Side
from git_ops.grouping import conflicts_of, parked_names
from git_ops.mergetree import Merged, Message, merging

OID = "1" * 40


def merge(repo, base, target, agent):
    start, onto, tip = repo.fork(base, target, agent)
    with merging(repo.git, attributes_of=onto) as merger:
        return merger.merge_tips(onto, tip), {"fork": start, "onto": onto, "tip": tip}


def merged(*messages, stages=None):
    return Merged(tree=OID, clean=False, stages=stages or {}, messages=messages)


def said(kind, *paths, text="Git's words"):
    return Message(paths=paths, type=kind, text=text)


def test_paths_that_belong_together_are_one_conflict(repo):
    found = conflicts_of(
        repo.git,
        merged(
            said("CONFLICT (modify/delete)", "z"),
            said("CONFLICT (rename/rename)", "f", "t", "a"),
            said("CONFLICT (file/directory)", "a~label", "a"),
            said("Auto-merging", "z", "f"),
        ),
    )
    assert [set(conflict.paths) for conflict in found] == [{"f", "t", "a", "a~label"}, {"z"}]
    assert [conflict.kind for conflict in found] == ["rename/rename", "modify/delete"]
    assert found[0].path == "t"


def test_what_lies_below_a_clash_belongs_to_it(repo):
    clash = said("CONFLICT (file/directory)", "p~label", "p")
    found = conflicts_of(
        repo.git, merged(clash, said("CONFLICT (modify/delete)", "p/q"), said("CONFLICT (x)", "pq"))
    )
    assert [set(conflict.paths) for conflict in found] == [{"p", "p~label", "p/q"}, {"pq"}]


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("CONFLICT (something new)", "unknown"),
        ("ERROR (object read failed)", "unknown"),
        ("CONFLICT(directory rename unclear split)", "directory-rename-split"),
        ("CONFLICT (directory rename suggested)", "directory-rename"),
        ("CONFLICT (file in way of directory rename)", "directory-rename-collision"),
    ],
)
def test_kinds_without_stages(repo, words, kind):
    (found,) = conflicts_of(repo.git, merged(said(words, "p", "q")))
    assert (found.kind, found.path, dict(found.stages), found.message) == (kind, "p", {}, "Git's words")


def test_a_merge_that_says_nothing_is_a_conflict_all_the_same(repo):
    (found,) = conflicts_of(repo.git, merged())
    assert (found.kind, found.path) == ("unknown", ".")
    assert found.message


def test_stages_that_nobody_speaks_of(repo):
    side = Side(mode="100644", oid=repo.git.text("hash-object", "-w", "--stdin", stdin=b"x\n"))
    (found,) = conflicts_of(repo.git, merged(stages={"f": {2: side}}))
    assert (found.kind, found.path, found.message) == ("unknown", "f", "Git left this path unmerged")


def test_parked_names_are_only_what_a_message_says():
    assert parked_names([("file/directory", ("p~x", "p")), ("contents", ("q~x", "q"))]) == {"p~x": "p"}
    assert parked_names([("distinct modes", ("l", "l~a", "l~b"))]) == {"l~a": "l", "l~b": "l"}


def test_renamed_sides_are_the_sides_own_files(repo):
    """Git's stages hold its own marked-up merge there."""
    lines = "".join(f"line {i}\n" for i in range(12))
    t, a = lines.replace("line 3\n", "t\n"), lines.replace("line 3\n", "a\n")
    result, commits = merge(repo, {"f": lines}, {"f": None, "t": t}, {"f": None, "a": a})
    assert result.stages["t"][2].oid == result.stages["a"][3].oid
    (found,) = conflicts_of(repo.git, result, **commits)
    assert (found.base.content, found.target.content, found.agent.content) == (
        lines.encode(),
        t.encode(),
        a.encode(),
    )
    (blind,) = conflicts_of(repo.git, result)
    assert (blind.kind, blind.target, blind.agent) == ("rename/rename", None, None)


def test_many_conflicts_take_few_processes(repo, monkeypatch):
    files = {f"f{i}": f"{i}\n" for i in range(60)}
    result, commits = merge(
        repo, files | {"keep": "kept\n"}, dict.fromkeys(files), dict.fromkeys(files, "edited\n")
    )
    calls = []
    run = type(repo.git).run
    monkeypatch.setattr(
        type(repo.git), "run", lambda self, *args, **more: calls.append(args) or run(self, *args, **more)
    )
    found = conflicts_of(repo.git, result, **commits)
    assert len(found) == 60
    assert all(conflict.agent.content == b"edited\n" for conflict in found)
    assert len(calls) <= 4
