import dataclasses
import sys

import pytest

from git_ops import mergetree
from git_ops.errors import Unmergeable
from git_ops.features import features
from git_ops.mergetree import merging
from git_ops.objects import Identity, edit_tree, read_commit, write_blob
from git_ops.replay import Replayed, Stopped, commits_of_range, replay, touched


@pytest.fixture(autouse=True, params=["as it is", "as an old git"])
def _can(request, monkeypatch):
    """What the git on PATH can do, and the least that is supported."""
    if request.param == "as an old git":
        old = dataclasses.replace(features(), merge_base=False, attr_source=False, replay=False)
        monkeypatch.setattr(mergetree, "features", lambda: old)


def run(repo, base, onto, tip, **options):
    return replay(repo.git, base=base, tip=tip, onto=onto, **options)


def test_message_author_and_encoding_are_kept_byte_for_byte(repo):
    base = repo.commit({"a": "1\n"})
    onto = repo.commit({"b": "1\n"})
    repo("checkout", "-q", "--detach", base)
    repo.commit({"c": "1\n"}, "#123 is the ticket\n\n\n\n# kept\nCo-authored-by: X <x@y>\n\n\n")
    latin = {"GIT_AUTHOR_NAME": "René", "GIT_AUTHOR_DATE": "1600000000 +0530"}
    repo("config", "i18n.commitEncoding", "latin-1")
    (repo.path / "d").write_text("1")
    repo("add", "-A")
    repo("commit", "-q", "--cleanup=verbatim", "-F", "-", stdin=b"caf\xe9\n#5\n", env=latin)
    tip = repo.head()
    result = run(repo, base, onto, tip)
    assert len(result.commits) == 2
    for commit in result.commits:
        old, new = read_commit(repo.git, commit.old), read_commit(repo.git, commit.new)
        assert (old.message, old.author, old.others) == (new.message, new.author, new.others)
    assert new.message == b"caf\xe9\n#5\n"
    assert new.others == (b"encoding latin-1",)
    repo("fsck", "--strict")


def test_same_input_same_commits_and_committer(repo):
    base, onto, tip = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    hand = Identity(name="Hand", email="h@example.org")
    one, two = (run(repo, base, onto, tip, committer=hand) for _ in range(2))
    assert one == two
    assert read_commit(repo.git, one.new_tip).committer == b"Hand <h@example.org> 1700000100 +0000"
    assert read_commit(repo.git, run(repo, base, onto, tip).new_tip).committer.startswith(b"Carl <carl@")


def test_committer_without_utf8_and_odd_headers_survive(repo):
    base, onto, tip = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    raw = repo.git.run("cat-file", "commit", tip).stdout
    odd = raw.replace(
        b"author Ada <ada@example.org> 1700000000 +0530", b"author Ad\xe0 <ada 1700000000"
    ).replace(b"committer Carl", b"committer C\xe0rl")
    old = repo.git.text("hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=odd)
    new = read_commit(repo.git, run(repo, base, onto, old).new_tip)
    assert new.author == b"Ad\xe0 <ada 1700000000"
    assert new.committer == b"C\xe0rl <carl@example.org> 1700000100 +0000"


def test_twins_and_emptied_commits_are_dropped_and_told(repo):
    base = repo.commit({"a": "1\n2\n3\n", "b": "1\n"})
    repo("checkout", "-q", "-b", "work")
    twin = repo.commit({"b": "2\n"}, "twin")
    emptied = repo.commit({"a": "1\nX\n3\n"}, "emptied")
    kept = repo.commit({}, "empty on purpose")
    repo("checkout", "-q", "main")
    repo.commit({"b": "2\n"}, "same patch")
    onto = repo.commit({"a": "1\nX\n3\n", "z": "more\n"}, "same change and more")
    result = run(repo, base, onto, kept)
    assert [(c.old, c.new is None) for c in result.commits] == [(twin, True), (emptied, True), (kept, False)]
    assert "same patch" in result.commits[0].reason
    assert "nothing of it is left" in result.commits[1].reason


def test_emptied_commit_without_twins_is_dropped_and_told(repo):
    base = repo.commit({"a": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    emptied = repo.commit({"a": "1\nX\n3\n"}, "emptied")
    tip = repo.commit({"b": "1\n"}, "more")
    repo("checkout", "-q", "main")
    onto = repo.commit({"a": "1\nX\n3\n", "z": "more\n"}, "same change and more")
    result = run(repo, base, onto, tip)
    assert [(c.old, c.new is None) for c in result.commits] == [(emptied, True), (tip, False)]


def test_everything_is_in_the_target_already(repo):
    base, onto, tip = repo.fork({"a": "1\n"}, {"a": "2\n", "b": "1\n"}, {"a": "2\n"})
    result = run(repo, base, onto, tip)
    assert (result.new_tip, result.tree) == (onto, repo.tree(onto))


def test_commits_already_in_place_keep_their_ids(repo):
    base = repo.commit({"a": "1\n"})
    one = repo.commit({"b": "1\n"})
    tip = repo.commit({"b": "2\n"})
    result = run(repo, base, base, tip)
    assert [commit.new for commit in result.commits] == [one, tip]
    assert {commit.reason for commit in result.commits} == {"already in place"}


def test_nothing_to_replay(repo):
    base, onto, _ = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    assert run(repo, base, onto, base) == Replayed(new_tip=onto, tree=repo.tree(onto), commits=())


def test_signature_is_dropped_and_told(repo):
    base, onto, tip = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    raw = repo.git.run("cat-file", "commit", tip).stdout
    head, _, message = raw.partition(b"\n\n")
    fake = (
        head + b"\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\n" + message
    )
    signed = repo.git.text("hash-object", "-t", "commit", "-w", "--stdin", stdin=fake)
    result = run(repo, base, onto, signed)
    assert result.commits[0].reason == "its signature is gone"
    assert b"gpgsig" not in repo.git.run("cat-file", "commit", result.new_tip).stdout


def test_root_commit_in_the_range(repo):
    onto = repo.commit({"a": "1\n"})
    repo("checkout", "-q", "--orphan", "other")
    repo("rm", "-rfq", ".")
    tip = repo.commit({"b": "1\n"}, "a root")
    assert read_commit(repo.git, tip).parents == ()
    # There is no base: nothing of `tip` is in `onto`, so any commit of `onto` will do.
    result = run(repo, onto, onto, tip)
    assert repo.show(result.new_tip, "a") == repo.show(result.new_tip, "b") == b"1\n"


def test_merges_are_flattened_and_named(repo):
    repo.commit({"a": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    mine = repo.commit({"mine": "1\n"}, "mine")
    repo("checkout", "-q", "main")
    repo.commit({"theirs": "1\n"}, "theirs")
    repo("checkout", "-q", "work")
    repo("merge", "-q", "--no-ff", "--no-commit", "main")
    tip = repo.commit({"by-hand": "only here\n"}, "merge")
    repo("checkout", "-q", "main")
    onto = repo.commit({"later": "1\n"}, "later")
    base = repo("merge-base", onto, tip)
    result = run(repo, base, onto, tip)
    assert result.merges == (tip,)
    assert [commit.old for commit in result.commits] == [mine]
    assert commits_of_range(repo.git, base, tip, onto) == ((tip,), ((mine, False),))
    clash = repo.commit({"mine": "other\n"}, "clash")
    assert run(repo, base, clash, tip).merges == (tip,)


def test_stop_tells_step_and_merge(repo):
    base = repo.commit({"f": "1\n"})
    repo("checkout", "-q", "-b", "work")
    first = repo.commit({"g": "1\n"})
    clashing = repo.commit({"f": "A\n"})
    last = repo.commit({"g": "2\n"})
    repo("checkout", "-q", "main")
    onto = repo.commit({"f": "T\n"})
    result = run(repo, base, onto, last)
    assert isinstance(result, Stopped)
    assert (result.step.oid, result.step.remaining) == (clashing, (last,))
    assert [commit.old for commit in result.done] == [first]
    assert result.step.onto == result.done[0].new
    assert list(result.merged.stages) == ["f"]


def test_settled_step_goes_on(repo):
    base, onto, tip = repo.fork({"f": "1\n"}, {"f": "T\n"}, {"f": "A\n"})

    def settle(step, merged):
        assert (step.oid, step.onto) == (tip, onto)
        return edit_tree(repo.git, merged.tree, {"f": ("100644", write_blob(repo.git, b"both\n"))})

    result = run(repo, base, onto, tip, settle=settle)
    assert repo.show(result.new_tip, "f") == b"both\n"


def test_works_in_a_bare_repository_and_moves_nothing(repo, tmp_path):
    base, onto, tip = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    bare = repo.bare(tmp_path / "bare.git")
    git = repo.git.replace(git_dir=bare)
    before = git.text("for-each-ref")
    assert isinstance(replay(git, base=base, tip=tip, onto=onto), Replayed)
    assert git.text("for-each-ref") == before


def test_too_many_commits_are_refused(repo, monkeypatch):
    base, onto, tip = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    monkeypatch.setattr(sys.modules["git_ops.replay"], "MAX_COMMITS", 0)
    with pytest.raises(Unmergeable, match="squash"):
        run(repo, base, onto, tip)


def test_cost_in_processes_does_not_grow_but_for_the_merges(repo, monkeypatch):
    base = repo.commit({"a": "1\n"})
    repo("checkout", "-q", "-b", "work")
    tips = [repo.commit({f"f{i}": "1\n"}) for i in range(4)]
    repo("checkout", "-q", "main")
    onto = repo.commit({"b": "1\n"})
    started = []
    popen = type(repo.git).popen
    monkeypatch.setattr(
        type(repo.git), "popen", lambda *args, **named: started.append(args) or popen(*args, **named)
    )

    def counted(tip):
        started.clear()
        with merging(repo.git, attributes_of=onto) as merger:
            run(repo, base, onto, tip, merger=merger)
        return sum("merge-tree" not in args for args in started)

    features()
    assert counted(tips[1]) == counted(tips[3])


def test_touched(repo):
    root = repo.commit({"a": "1\n", "d/b": "1\n"})
    moved = repo.commit({"a": None, "e\tx\n": "1\n"})
    empty = repo.commit({})
    repo("checkout", "-q", "-b", "side", root)
    side = repo.commit({"f" * 40: "1\n"})
    repo("checkout", "-q", "main")
    repo("merge", "-q", "-m", "x", side)
    merge = repo.head()
    found = touched(repo.git, [root, moved, empty, merge])
    assert found == {
        root: {"a", "d/b"},
        moved: {"a", "e\tx\n"},
        empty: frozenset(),
        merge: {"f" * 40, "a", "e\tx\n"},
    }
    assert touched(repo.git, []) == {}


def autosquashed(repo, commits):
    """Replay commits (files, message) that are on `work` onto a moved `main`; compare with git's own trees."""
    base = repo.commit({"f": "1\n2\n3\n", "g": "1\n"})
    repo("checkout", "-q", "-b", "work")
    oids = [repo.commit(files, message) for files, message in commits]
    repo("checkout", "-q", "main")
    onto = repo.commit({"z": "1\n"})
    result = run(repo, base, onto, oids[-1], autosquash=True)
    repo("checkout", "-q", "work")
    settings = ("-c", "sequence.editor=:", "-c", "core.editor=:")
    repo(*settings, "rebase", "-q", "-i", "--autosquash", "--empty=drop", onto)
    log = ("log", "--reverse", "--format=%T %an %ad")
    assert repo(*log, f"{onto}..{result.new_tip}") == repo(*log, f"{onto}..HEAD")
    return oids, result


def test_fixups_are_folded(repo):
    oids, result = autosquashed(
        repo,
        [
            ({"f": "A\n2\n3\n"}, "first"),
            ({"g": "2\n"}, "second\n\nbody\n"),
            ({"f": "A\n2\nB\n"}, "fixup! first"),
            ({"g": "3\n"}, "fixup! fixup! second"),
        ],
    )
    first, second, one, two = oids
    new = {commit.old: commit.new for commit in result.commits}
    assert [commit.old for commit in result.commits] == [first, one, second, two]
    assert new[first] == new[one] != new[second] == new[two] == result.new_tip
    assert first[:10] in next(commit.reason for commit in result.commits if commit.old == one)
    assert read_commit(repo.git, new[second]).message == b"second\n\nbody\n"


def test_squash_joins_and_amend_replaces_messages(repo):
    _, result = autosquashed(
        repo,
        [
            ({"f": "A\n2\n3\n"}, "first\n"),
            ({"g": "2\n"}, "second\n"),
            ({"f": "A\n2\nB\n"}, "squash! first\n\n# why\n"),
            ({"g": "3\n"}, "amend! second\n\nbetter\n\nbody\n"),
        ],
    )
    parent = read_commit(repo.git, result.new_tip).parents[0]
    assert read_commit(repo.git, parent).message == b"first\n\n# why\n"
    assert read_commit(repo.git, result.new_tip).message == b"better\n\nbody\n"


def test_fixups_stay_as_they_are_unless_asked(repo):
    base, onto, tip = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    repo("checkout", "-q", "work")
    fixup = repo.commit({"c": "2\n"}, "fixup! agent's work")
    result = run(repo, base, onto, fixup)
    assert [commit.old for commit in result.commits] == [tip, fixup]
    assert len({commit.new for commit in result.commits}) == 2
