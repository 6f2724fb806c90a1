import random

import pytest

from git_ops.objects import Identity, read_commit
from git_ops.replay import Refused, Replayed, Stopped, replay

pytestmark = pytest.mark.slow

LINES = [f"line {i}\n" for i in range(5)]


def run(repo, base, onto, tip, **options):
    return replay(repo.git, base=base, tip=tip, onto=onto, **options)


def mutate(rng, files):
    """One random change to a small tree of text files."""
    files = dict(files)
    name = rng.choice(sorted(files))
    match rng.randrange(6):
        case 0 | 1 | 2:
            lines = files[name].splitlines(keepends=True)
            if lines:
                lines[rng.randrange(len(lines))] = f"edit {rng.randrange(3)}\n"
            files[name] = "".join(lines)
        case 3:
            files[f"new{rng.randrange(3)}"] = f"new {rng.randrange(2)}\n"
        case 4 if len(files) > 1:
            del files[name]
        case _:
            files[f"moved-{name}"] = files.pop(name)
    return files


def grow(repo, rng, files, count):
    for i in range(count):
        after = mutate(rng, files)
        repo.commit({**dict.fromkeys(files.keys() - after.keys()), **after}, f"change {i}\n\n# kept\n\n\nend")
        files = after
    return repo.head()


@pytest.mark.parametrize("seed", range(16))
def test_equals_git_rebase(repo, seed):
    rng = random.Random(seed)
    files = {name: "".join(LINES) for name in ("a", "b", "c")}
    base = repo.commit(files, "base")
    repo("checkout", "-q", "-b", "work")
    tip = grow(repo, rng, files, 3)
    repo("checkout", "-q", "main")
    onto = grow(repo, rng, files, 2)
    ours = run(repo, base, onto, tip)
    repo("checkout", "-q", "work")
    repo("rebase", "-q", "main", ok=(0, 1))
    stopped_at = repo("rev-parse", "-q", "--verify", "REBASE_HEAD", ok=(0, 1, 128))
    if stopped_at:
        assert isinstance(ours, Stopped)
        assert ours.commit == stopped_at
        assert ours.conflicts
    else:
        assert isinstance(ours, Replayed)
        assert ours.tree == repo.tree("HEAD")
        log = ("log", "--format=%an %ae %ad%n%B", f"{onto}..")
        assert repo(*log[:-1], f"{onto}..{ours.new_tip}") == repo(*log[:-1], f"{onto}..HEAD")


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


def test_commits_already_in_place_keep_their_ids(repo):
    base = repo.commit({"a": "1\n"})
    tip = repo.commit({"b": "1\n"})
    assert run(repo, base, base, tip).new_tip == tip


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
    empty = read_commit(repo.git, tip)
    assert empty.parents == ()
    # There is no base: nothing of `tip` is in `onto`, so any commit of `onto` will do.
    result = run(repo, onto, onto, tip)
    assert repo.show(result.new_tip, "a") == repo.show(result.new_tip, "b") == b"1\n"


def evil_merge(repo, *, evil):
    base = repo.commit({"a": "1\n2\n3\n"})
    repo("checkout", "-q", "-b", "work")
    repo.commit({"mine": "1\n"}, "mine")
    repo("checkout", "-q", "main")
    repo.commit({"theirs": "1\n"}, "theirs")
    repo("checkout", "-q", "work")
    repo("merge", "-q", "--no-ff", "--no-commit", "main")
    tip = repo.commit({"by-hand": "only here\n"} if evil else {}, "merge")
    repo("checkout", "-q", "main")
    onto = repo.commit({"later": "1\n"}, "later")
    return repo("merge-base", onto, tip), onto, tip, base


def test_innocent_merge_in_the_range_is_flattened(repo):
    base, onto, tip, _ = evil_merge(repo, evil=False)
    result = run(repo, base, onto, tip)
    assert isinstance(result, Replayed)
    assert len(result.commits) == 1


def test_evil_merge_is_refused(repo):
    base, onto, tip, _ = evil_merge(repo, evil=True)
    result = run(repo, base, onto, tip)
    assert isinstance(result, Refused)
    assert tip[:10] in result.reason
    assert "changes of their own" in result.reason


def test_merge_in_a_conflicting_range_is_refused(repo):
    base, _, tip, _ = evil_merge(repo, evil=False)
    repo("checkout", "-q", "main")
    onto = repo.commit({"mine": "other\n"}, "clash")
    assert isinstance(run(repo, base, onto, tip), Refused)


def test_works_in_a_bare_repository_and_moves_nothing(repo, tmp_path):
    base, onto, tip = repo.fork({"a": "1\n"}, {"b": "1\n"}, {"c": "1\n"})
    bare = repo.bare(tmp_path / "bare.git")
    git = repo.git.replace(git_dir=bare)
    before = git.text("for-each-ref")
    assert isinstance(replay(git, base=base, tip=tip, onto=onto), Replayed)
    assert git.text("for-each-ref") == before
