import dataclasses
from pathlib import Path

import pytest

from git_ops import mergetree
from git_ops.errors import GitFailed, Unmergeable
from git_ops.features import features
from git_ops.mergetree import merging, parse

OID = b"1" * 40


@pytest.fixture(params=["as it is", "as an old git"])
def can(request, monkeypatch):
    """What the git on PATH can do, and the least that is supported."""
    if request.param == "as an old git":
        old = dataclasses.replace(features(), merge_base=False, attr_source=False, replay=False)
        monkeypatch.setattr(mergetree, "features", lambda: old)


def merge(git, forked):
    base, onto, tip = forked
    with merging(git, attributes_of=onto) as merger:
        merged = merger.merge(base=base, ours=onto, theirs=tip)
        tips = merger.merge_tips(onto, tip)
        assert tips.clean == merged.clean
        assert merged.tree == tips.tree or not merged.clean
    return merged


def test_clean_merge(repo, can):
    merged = merge(repo.git, repo.fork({"f": "1\n2\n3\n4\n"}, {"f": "T\n2\n3\n4\n"}, {"f": "1\n2\n3\nA\n"}))
    assert (merged.clean, merged.stages) == (True, {})
    assert repo.git.run("cat-file", "blob", f"{merged.tree}:f").stdout == b"T\n2\n3\nA\n"


def test_stages_and_typed_messages_of_a_conflict(repo, can):
    merged = merge(repo.git, repo.fork({"f": "1\n"}, {"f": "T\n"}, {"f": "A\n"}))
    assert not merged.clean
    texts = {
        stage: repo.git.run("cat-file", "blob", side.oid).stdout for stage, side in merged.stages["f"].items()
    }
    assert texts == {1: b"1\n", 2: b"T\n", 3: b"A\n"}
    assert {side.mode for side in merged.stages["f"].values()} == {"100644"}
    assert ("f",) in [message.paths for message in merged.messages if message.type == "CONFLICT (contents)"]


def test_directory_rename_split_has_no_stages_but_is_no_clean_merge(repo, can):
    files = {f"d/{i}": f"{i}\n" * 9 for i in range(4)}
    moved = dict.fromkeys(files) | {f"{'x' if i < 2 else 'y'}/{i}": f"{i}\n" * 9 for i in range(4)}
    merged = merge(repo.git, repo.fork(files, moved, {"d/new": "new\n"}))
    assert (merged.clean, merged.stages) == (False, {})
    assert any("unclear split" in message.type for message in merged.messages)


def test_odd_names_survive(repo, can):
    name = 'tab\t"quote"\nnewline\udcff'
    base = repo.commit({})
    for branch, text in (("work", "A\n"), ("main", "T\n")):
        repo("checkout", "-q", "-B", branch, base)
        (Path(repo.path) / name).write_text(text)
        repo.commit({}, branch)
    merged = merge(repo.git, (base, repo("rev-parse", "main"), repo("rev-parse", "work")))
    assert list(merged.stages) == [name]


@pytest.mark.parametrize("folder", ["", "sub/", "very/deep/down/"])
def test_union_attribute_counts_at_every_level_in_a_bare_repository(repo, tmp_path, folder, can):
    start = {f"{folder}CHANGES": "top\n\nend\n", f"{folder}.gitattributes": "CHANGES merge=union\n"}
    forked = repo.fork(
        start, {f"{folder}CHANGES": "top\nT\n\nend\n"}, {f"{folder}CHANGES": "top\nA\n\nend\n"}
    )
    git = repo.git.replace(git_dir=repo.bare(tmp_path / "bare.git"))
    merged = merge(git, forked)
    assert merged.clean
    assert b"T\nA\n" in git.run("cat-file", "blob", f"{merged.tree}:{folder}CHANGES").stdout


def test_attributes_of_the_agent_and_of_the_index_do_not_count(repo, can):
    forked = repo.fork({"f": "1\n"}, {"f": "T\n"}, {"f": "A\n", ".gitattributes": "f merge=union\n"})
    repo("checkout", "-q", "work")
    assert list(merge(repo.git, forked).stages) == ["f"]


def test_attributes_that_are_a_link_or_too_large_do_not_count(repo, can):
    (repo.path.parent / "elsewhere").write_text("f merge=union\n")
    base = {"f": "1\n", ".gitattributes": Path("../elsewhere"), "d/.gitattributes": "#" * 2**20 + "\n" * 9}
    assert not merge(repo.git, repo.fork(base, {"f": "T\n"}, {"f": "A\n"})).clean


def test_configured_driver_is_never_run(repo, tmp_path, can):
    repo("config", "merge.evil.driver", f"touch {tmp_path}/ran; exit 0")
    forked = repo.fork({"f": "1\n", ".gitattributes": "f merge=evil\n"}, {"f": "T\n"}, {"f": "A\n"})
    assert not merge(repo.git, forked).clean
    assert not (tmp_path / "ran").exists()


def test_settings_of_the_repository_do_not_count(repo, can):
    repo("config", "merge.renames", "false")
    text = "".join(f"{i}\n" for i in range(20))
    forked = repo.fork({"f": text}, {"f": None, "g": text}, {"f": text + "A\n"})
    assert merge(repo.git, forked).clean


def test_any_commit_may_be_given_as_base(repo, can):
    _, onto, tip = repo.fork({"f": "1\n2\n3\n"}, {"f": "1\n2\n3\nT\n"}, {"f": "A\n2\n3\n"})
    other = repo.commit({"f": "A\n2\n3\n", "g": "x\n"}, "not the parent")
    with merging(repo.git, attributes_of=onto) as merger:
        merged = merger.merge(base=other, ours=onto, theirs=tip)
    assert merged.clean
    assert repo.git.run("cat-file", "blob", f"{merged.tree}:f").stdout == b"1\n2\n3\nT\n"


def test_root_commit_is_merged_from_nothing(repo, can):
    onto = repo.commit({"a": "1\n"})
    repo("checkout", "-q", "--orphan", "other")
    repo("rm", "-rfq", ".")
    tip = repo.commit({"b": "1\n"})
    with merging(repo.git, attributes_of=onto) as merger:
        merged = merger.merge(base=None, ours=onto, theirs=tip)
    assert repo.git.text("ls-tree", "--name-only", merged.tree) == "a\nb"


def criss_cross(repo):
    """Two histories that have merged each other's first change: two merge bases."""
    base = repo.commit({"f": "1\n2\n3\n4\n5\n"})
    one = repo.commit({"f": "one\n2\n3\n4\n5\n"})
    repo("checkout", "-q", "-b", "work", base)
    two = repo.commit({"f": "1\n2\n3\n4\ntwo\n"})
    repo("merge", "-q", "-m", "x", one)
    tip = repo.commit({"a": "A\n"})
    repo("checkout", "-q", "main")
    repo("merge", "-q", "-m", "x", two)
    return repo.commit({"t": "T\n"}), tip


def test_several_merge_bases(repo, can):
    onto, tip = criss_cross(repo)
    assert len(repo("merge-base", "--all", onto, tip).split()) == 2
    with merging(repo.git, attributes_of=onto) as merger:
        merged = merger.merge_tips(onto, tip)
    assert merged.clean
    assert repo.git.text("ls-tree", "--name-only", merged.tree) == "a\nf\nt"


def test_shallow_clone_with_its_merge_base(repo, tmp_path, can):
    repo.commit({"f": "0\n"})
    _, onto, tip = repo.fork({"f": "1\n2\n3\n"}, {"f": "T\n2\n3\n"}, {"f": "1\n2\nA\n"})
    clone = tmp_path / "shallow.git"
    repo("clone", "-q", "--bare", "--depth=2", "--no-single-branch", f"file://{repo.path}", str(clone))
    with merging(repo.git.replace(git_dir=clone), attributes_of=onto) as merger:
        assert merger.merge_tips(onto, tip).clean


def test_unrelated_histories_are_an_error(repo, can):
    onto = repo.commit({"a": "1\n"})
    repo("checkout", "-q", "--orphan", "other")
    tip = repo.commit({"b": "1\n"})
    with merging(repo.git, attributes_of=onto) as merger, pytest.raises(GitFailed):
        merger.merge_tips(onto, tip)


def test_ids_of_64_digits(tmp_path, make_repo, can):
    repo = make_repo("sha256")
    repo("init", "-q", "--object-format=sha256", "-b", "main", str(tmp_path / "long"))
    repo.path = tmp_path / "long"
    repo.git = repo.git.replace(git_dir=repo.path / ".git")
    base, onto, tip = repo.fork({"f": "1\n2\n3\n"}, {"f": "T\n2\n3\n"}, {"f": "1\n2\nA\n"})
    assert len(base) == 64
    assert merge(repo.git, (base, onto, tip)).clean


@pytest.mark.parametrize("raw", [b"", b"tree\0\0", OID + b"\x00100644 abc\0", OID + b"\0\0x\0", OID])
def test_answer_that_cannot_be_read_is_an_error(raw):
    with pytest.raises(Unmergeable):
        parse(raw, clean=False)
