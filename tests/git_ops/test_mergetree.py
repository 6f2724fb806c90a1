from pathlib import Path

import pytest

from git_ops.errors import Unmergeable
from git_ops.mergetree import Merger, conflicts_of, merging, parse

OID = b"1" * 40


def merge(repo, forked):
    base, onto, tip = forked
    with merging(repo.git, attributes_of=onto) as merger:
        merged = merger.merge(base=base, ours=onto, theirs=tip)
        assert merged.tree == merger.merge_tips(onto, tip).tree or not merged.clean
    return merged


def conflicts(repo, forked):
    merged = merge(repo, forked)
    assert not merged.clean
    return conflicts_of(repo.git, merged)


def test_content(repo):
    (found,) = conflicts(repo, repo.fork({"f": "1\n2\n3\n"}, {"f": "1\nT\n3\n"}, {"f": "1\nA\n3\n"}))
    assert (found.path, found.kind, found.simple) == ("f", "content", True)
    assert found.between == (b"1\n", b"3\n")
    hunk = found.hunks[0]
    assert (hunk.id, hunk.base, hunk.target, hunk.agent) == ("h1", b"2\n", b"T\n", b"A\n")


def test_add_add(repo):
    (found,) = conflicts(repo, repo.fork({"x": "x"}, {"f": "T\n"}, {"f": "A\n"}))
    assert (found.kind, found.base, found.hunks[0].base) == ("add/add", None, b"")


@pytest.mark.parametrize(
    ("base", "target", "agent", "kind"),
    [
        ({"f": "1\n"}, {"f": None}, {"f": "2\n"}, "modify/delete"),
        ({"f": "1\n"}, {"f": "2\n"}, {"f": None}, "modify/delete"),
        ({"f": b"\0a"}, {"f": b"\0b"}, {"f": b"\0c"}, "binary"),
        ({"f": Path("a")}, {"f": Path("b")}, {"f": Path("c")}, "symlink"),
    ],
)
def test_kinds_without_hunks(repo, base, target, agent, kind):
    (found,) = conflicts(repo, repo.fork(base | {"x": "x"}, target, agent))
    assert (found.kind, found.hunks, found.simple) == (kind, (), True)


def test_lfs_pointer_is_never_text(repo):
    def pointer(n):
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{n * 64}\nsize 1\n"

    (found,) = conflicts(repo, repo.fork({"f": pointer("0")}, {"f": pointer("1")}, {"f": pointer("2")}))
    assert (found.kind, found.hunks) == ("lfs-pointer", ())


def test_file_against_directory_names_the_real_path(repo):
    found = conflicts(repo, repo.fork({"x": "x"}, {"p": "file\n"}, {"p/q": "inside\n"}))
    assert [c.path for c in found] == ["p"]
    assert found[0].kind == "file/directory"
    assert not found[0].simple


def test_rename_rename_is_structural(repo):
    text = "".join(f"{i}\n" for i in range(20))
    found = conflicts(repo, repo.fork({"f": text}, {"f": None, "t": text}, {"f": None, "a": text}))
    assert any(c.kind == "rename/rename" and not c.simple for c in found)


def test_directory_rename_split_has_no_stages_but_is_a_conflict(repo):
    files = {f"d/{i}": f"{i}\n" * 9 for i in range(4)}
    moved = dict.fromkeys(files) | {f"{'x' if i < 2 else 'y'}/{i}": f"{i}\n" * 9 for i in range(4)}
    merged = merge(repo, repo.fork(files, moved, {"d/new": "new\n"}))
    assert not merged.clean
    assert not merged.stages
    found = conflicts_of(repo.git, merged)
    assert found
    assert not any(c.simple for c in found)


def test_odd_names_survive(repo):
    name = 'tab\t"quote"\nnewline\udcff'
    place = Path(repo.path) / name
    base = repo.commit({})
    for branch, text in (("work", "A\n"), ("main", "T\n")):
        repo("checkout", "-q", "-B", branch, base)
        place.write_text(text)
        repo.commit({}, branch)
    tip, onto = repo("rev-parse", "work"), repo("rev-parse", "main")
    (found,) = conflicts(repo, (base, onto, tip))
    assert found.path == name


@pytest.mark.parametrize("folder", ["", "sub/"])
def test_union_attribute_counts_in_a_bare_repository(repo, tmp_path, folder):
    start = {f"{folder}CHANGES": "top\n\nend\n", f"{folder}.gitattributes": "CHANGES merge=union\n"}
    base, onto, tip = repo.fork(
        start, {f"{folder}CHANGES": "top\nT\n\nend\n"}, {f"{folder}CHANGES": "top\nA\n\nend\n"}
    )
    git = repo.git.replace(git_dir=repo.bare(tmp_path / "bare.git"))
    with merging(git, attributes_of=onto) as merger:
        merged = merger.merge(base=base, ours=onto, theirs=tip)
    assert merged.clean
    assert b"T\nA\n" in git.run("cat-file", "blob", f"{merged.tree}:{folder}CHANGES").stdout


def test_attributes_of_the_agent_do_not_count(repo):
    forked = repo.fork({"f": "1\n"}, {"f": "T\n"}, {"f": "A\n", ".gitattributes": "f merge=union\n"})
    assert [c.path for c in conflicts(repo, forked)] == ["f"]


def test_configured_driver_named_by_attributes_is_not_ours_to_have(repo, tmp_path):
    repo_files = {"f": "1\n", ".gitattributes": "f merge=evil\n"}
    found = conflicts(repo, repo.fork(repo_files, {"f": "T\n"}, {"f": "A\n"}))
    assert [c.kind for c in found] == ["content"]


def test_marker_size_attribute_changes_nothing(repo):
    start = {"f": "1\n", ".gitattributes": "f conflict-marker-size=20\n"}
    (found,) = conflicts(repo, repo.fork(start, {"f": "=======\nT\n"}, {"f": "<<<<<<< A\n"}))
    assert (found.hunks[0].target, found.hunks[0].agent) == (b"=======\nT\n", b"<<<<<<< A\n")


def test_both_ways_of_giving_the_base_agree(repo, monkeypatch):
    forked = repo.fork({"f": "1\n2\n"}, {"f": "T\n2\n"}, {"f": "A\n2\n", "g": "1\n"})
    monkeypatch.setattr(Merger, "_takes_merge_base", None)
    tried = merge(repo, forked)
    assert Merger._takes_merge_base is not None
    monkeypatch.setattr(Merger, "_takes_merge_base", False)
    made = merge(repo, forked)
    # Labels differ between the two ways, so only what is merged is compared.
    assert (tried.clean, tried.stages) == (made.clean, made.stages)


@pytest.mark.parametrize("raw", [b"", b"tree\0\0", OID + b"\x00100644 abc\0", OID + b"\0\0x\0", OID])
def test_answer_that_cannot_be_read_is_an_error(raw):
    with pytest.raises(Unmergeable):
        parse(raw, clean=False)


def test_conflict_without_any_message_is_still_one(repo):
    merged = parse(b"4b825dc642cb6eb9a060e54bf8d69288fbee4904\0\0", clean=False)
    (found,) = conflicts_of(repo.git, merged)
    assert not found.simple
