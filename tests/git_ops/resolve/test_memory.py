import concurrent.futures
import dataclasses
import os
import time

import pytest

from git_ops.conflict import (
    Abstained,
    Conflict,
    File,
    Hunk,
    HunkChoice,
    Reduced,
    Resolution,
    Side,
    by_hunks,
)
from git_ops.errors import BadName
from git_ops.process import Git
from git_ops.resolve.agreement import AgreementResolver
from git_ops.resolve.chain import Chain, Context, Settled
from git_ops.resolve.folding import fold
from git_ops.resolve.memory import Memory, MemoryResolver, hunk_key
from git_ops.verify import Gate

COMMIT = "c" * 40
SIDES = [Side(mode="100644", oid=str(i) * 40) for i in (1, 2, 3)]
HUNKS = (
    Hunk(id="h1", base=b"a\n", target=b"b\xff\n", agent=b"c\n"),
    Hunk(id="h2", base=b"", target=b"x\n", agent=b"y\n"),
)
CONFLICT = Conflict(
    path="dir/f.py",
    kind="content",
    paths=("dir/f.py",),
    stages={"dir/f.py": dict(enumerate(SIDES, 1))},
    base=SIDES[0],
    target=SIDES[1],
    agent=SIDES[2],
    between=(b"top\n", b"middle\n", b""),
    hunks=HUNKS,
)
CHOICES = (
    HunkChoice(id="h1", text=b"bc\xff\n", why="both", dropped=("b\udcff",)),
    HunkChoice(id="h2", text=b"x\ny\n", why="union"),
)


def settled(conflict=CONFLICT, choices=CHOICES, source="model", **more):
    resolution = by_hunks(conflict, choices, resolver="claude", source=source, why="w")
    resolution = dataclasses.replace(resolution, **more)
    return Settled(conflict=conflict, resolution=resolution, gates=(Gate(name="parses", passed=True),))


@pytest.fixture
def memory(tmp_path):
    return Memory(tmp_path / "memory")


def ask(memory, conflict=CONFLICT, repository="r"):
    return MemoryResolver(memory, repository).resolve(conflict, None)


def test_answers_come_back_whole(memory):
    assert memory.remember([settled()], "r", COMMIT) == 2
    found = ask(memory)
    assert isinstance(found, Resolution)
    assert (found.source, found.content_at("dir/f.py")) == ("memory", b"top\nbc\xff\nmiddle\nx\ny\n")
    assert found.hunks[0].dropped == ("b\udcff",)
    assert found.why == "answered before by claude at cccccccccc"


def test_what_is_known_makes_the_conflict_smaller(memory):
    memory.remember([settled()], "r", COMMIT)
    other = dataclasses.replace(HUNKS[1], agent=b"z\n")
    found = ask(memory, dataclasses.replace(CONFLICT, hunks=(HUNKS[0], other)))
    assert isinstance(found, Reduced)
    assert found.rest.between == (b"top\nbc\xff\nmiddle\n", b"")
    assert found.rest.hunks == (other,)
    assert isinstance(ask(memory, found.rest), Abstained)


def test_every_part_of_the_question_counts(memory):
    memory.remember([settled()], "r", COMMIT)
    turned = tuple(dataclasses.replace(h, target=h.agent, agent=h.target) for h in HUNKS)
    rebased = tuple(dataclasses.replace(h, base=b"other\n") for h in HUNKS)
    for changed in (
        {"path": "dir/g.py"},
        {"kind": "add/add"},
        {"hunks": turned},
        {"hunks": rebased},
        {"agent": dataclasses.replace(SIDES[2], mode="100755")},
        {"base": None},
    ):
        assert isinstance(ask(memory, dataclasses.replace(CONFLICT, **changed)), Abstained)
    assert isinstance(ask(memory, repository="another"), Abstained)
    moved = dataclasses.replace(CONFLICT, path="elsewhere/f.py")
    assert isinstance(ask(memory, moved), Resolution)


def test_a_repository_without_a_name_has_no_memory(memory):
    with pytest.raises(BadName, match="needs a name for the repository"):
        MemoryResolver(memory, "")


def test_texts_cannot_run_together():
    one = dataclasses.replace(HUNKS[0], base=b"ab", target=b"c")
    other = dataclasses.replace(HUNKS[0], base=b"a", target=b"bc")
    assert hunk_key(CONFLICT, one, "r") != hunk_key(CONFLICT, other, "r")


def test_only_what_was_judged_is_kept(memory):
    kept = [
        settled(source="rule"),
        settled(source="git"),
        settled(source="memory"),
        settled(elsewhere=frozenset({"other.py"})),
    ]
    assert memory.remember(kept, "r", COMMIT) == 0
    assert memory.remember([settled(source="agent")], "r", COMMIT) == 2


def test_texts_of_other_hunks_with_the_same_ids_are_not_kept(memory):
    """Where a rule cut the file into other hunks first, the answer is to those."""
    cut = dataclasses.replace(
        CONFLICT, between=(b"top\nb", b""), hunks=(dataclasses.replace(HUNKS[0], base=b"?"),)
    )
    answer = settled(cut, CHOICES[:1]).resolution
    one = Settled(conflict=CONFLICT, resolution=answer, gates=())
    assert memory.remember([one], "r", COMMIT) == 0
    assert memory.remember([one], "r", COMMIT, asked=[cut]) == 1
    assert isinstance(ask(memory, cut), Resolution)


def test_the_resolver_remembers_what_it_was_asked(memory):
    resolver = MemoryResolver(memory, "r")
    smaller = fold(CONFLICT, {"h1": b"settled by a rule\n"})
    assert isinstance(resolver.resolve(smaller, None), Abstained)
    answer = settled(smaller, CHOICES[1:]).resolution
    resolver.remember([Settled(conflict=CONFLICT, resolution=answer, gates=())], commit=COMMIT)
    assert isinstance(resolver.resolve(smaller, None), Resolution)


def test_names_are_remembered_by_object(memory):
    path = "g\udcff"
    question = Conflict(
        path="f",
        kind="modify/delete",
        paths=("f", path),
        stages={"f": {1: SIDES[0], 3: SIDES[2]}, path: {2: SIDES[1]}},
        base=SIDES[0],
        target=None,
        agent=SIDES[2],
    )
    files = {"f": None, path: File(mode="100755", oid="2" * 40)}
    answer = Resolution(resolver="claude", source="model", why="moved", files=files)
    assert memory.remember([Settled(conflict=question, resolution=answer, gates=())], "r", COMMIT) == 1
    assert ask(memory, question).files == files
    other = dataclasses.replace(
        question, stages={"f": {1: SIDES[0], 3: SIDES[1]}, path: question.stages[path]}
    )
    assert isinstance(ask(memory, other), Abstained)
    text = dataclasses.replace(answer, files={**files, "f": File(mode="100644", content=b"new")})
    assert memory.remember([Settled(conflict=question, resolution=text, gates=())], "r", COMMIT) == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"key": 1}', b"\xff" * 600_000])
def test_what_cannot_be_read_is_no_answer_and_goes(memory, content):
    memory.remember([settled()], "r", COMMIT)
    for place in memory.path.iterdir():
        place.write_bytes(content)
    assert isinstance(ask(memory), Abstained)
    assert list(memory.path.iterdir()) == []


def test_an_entry_under_another_name_is_no_answer(memory):
    memory.remember([settled()], "r", COMMIT)
    names = [hunk_key(CONFLICT, hunk, "r") + ".json" for hunk in HUNKS]
    (memory.path / names[0]).replace(memory.path / names[1])
    assert isinstance(ask(memory), Abstained)


def test_old_entries_go_and_use_keeps_them_young(memory):
    memory.remember([settled()], "r", COMMIT)
    first, second = (memory.path / (hunk_key(CONFLICT, hunk, "r") + ".json") for hunk in HUNKS)
    os.utime(first, (0, time.time() - 89 * 86_400))
    os.utime(second, (0, time.time() - 91 * 86_400))
    assert isinstance(ask(memory), Reduced)
    assert not second.exists()
    assert time.time() - first.stat().st_mtime < 86_400


def test_the_least_used_go_beyond_the_limit(tmp_path):
    memory = Memory(tmp_path / "memory", max_entries=1)
    memory.remember([settled()], "r", COMMIT)
    (old,) = memory.path.iterdir()
    os.utime(old, (0, time.time() - 3600))
    left_behind = memory.path / "tmpx.part"
    left_behind.write_bytes(b"")
    os.utime(left_behind, (0, time.time() - 2 * 86_400))
    memory.remember([settled(choices=(CHOICES[1], CHOICES[0])[::-1])], "s", COMMIT)
    assert len(list(memory.path.iterdir())) == 1
    assert not old.exists()


def test_huge_answers_are_not_kept(memory):
    huge = (dataclasses.replace(CHOICES[0], text=b"x" * 600_000), CHOICES[1])
    assert memory.remember([settled(choices=huge)], "r", COMMIT) == 1


def test_a_disk_that_refuses_is_no_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    memory = Memory(tmp_path / "file" / "memory")
    assert memory.remember([settled()], "r", COMMIT) == 0
    assert isinstance(ask(memory), Abstained)


@pytest.fixture
def entry(memory):
    """The file of one answer."""
    memory.remember([settled(choices=CHOICES, conflict=CONFLICT)], "r", COMMIT)
    return memory.path / f"{hunk_key(CONFLICT, HUNKS[0], 'r')}.json"


def test_a_link_is_no_answer(memory, entry, tmp_path):
    entry.rename(tmp_path / "elsewhere")
    entry.symlink_to(tmp_path / "elsewhere")
    assert memory.text(entry.stem) is None


def test_a_pipe_doesnt_keep_anybody_waiting(memory, entry):
    entry.unlink()
    os.mkfifo(entry)
    assert memory.text(entry.stem) is None


def test_what_another_user_wrote_is_no_answer(memory, entry, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: entry.stat().st_uid + 1)
    assert memory.text(entry.stem) is None


def test_other_files_in_the_directory_are_left_alone(memory):
    memory.path.mkdir()
    letter = memory.path / "letter.txt"
    letter.write_text("to whom it may concern")
    os.utime(letter, (0, 0))
    memory.remember([settled()], "r", COMMIT)
    assert letter.exists()


def _many(path):
    memory = Memory(path, max_entries=3)
    for i in range(20):
        memory.remember([settled()], f"r{i % 5}", COMMIT)
        assert isinstance(ask(memory, repository=f"r{i % 5}"), Resolution | Reduced | Abstained)
    return True


def test_processes_share_a_directory(tmp_path):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(pool.map(_many, [tmp_path / "memory"] * 4))
    assert len(list((tmp_path / "memory").iterdir())) <= 4 * 3


class Judge:
    """Plays the model: takes the target's text, and counts how often it is asked."""

    name = "judge"

    def __init__(self):
        self.asked = []

    def resolve(self, conflict, context):
        self.asked.append([hunk.id for hunk in conflict.hunks])
        choices = tuple(
            HunkChoice(id=hunk.id, text=hunk.target, why="w", dropped=tuple(hunk.agent.decode().splitlines()))
            for hunk in conflict.hunks
        )
        return by_hunks(conflict, choices, resolver=self.name, source="model", why="w")


def test_in_a_chain_a_question_is_asked_once(memory):
    """One hunk is settled by rules, one by the judge; the next time, on a target that moved on, by memory."""
    context = Context(git=Git(), fork="1" * 40, onto="2" * 40, tip="3" * 40, merged_tree="4" * 40)
    rules, disputed = (b"a\nb\n", b"A\nb\n", b"a\nB\n"), (b"x\n", b"y\n", b"z\n")
    hunks = tuple(
        Hunk(id=f"h{i}", base=base, target=target, agent=agent)
        for i, (base, target, agent) in enumerate((rules, disputed), 1)
    )
    first = dataclasses.replace(
        CONFLICT, path="f.txt", stages={"f.txt": CONFLICT.stages["dir/f.py"]}, hunks=hunks
    )
    moved = dataclasses.replace(first, between=(b"new top\n", *first.between[1:]))
    judge = Judge()
    chain = Chain([MemoryResolver(memory, "r"), AgreementResolver(), judge])
    for conflict, asked in ((first, [["h2"]]), (moved, [["h2"]])):
        (outcome,) = chain.settle([conflict], context)
        assert isinstance(outcome, Settled), outcome.why
        assert outcome.resolution.content_at("f.txt") == conflict.between[0] + b"A\nB\nmiddle\ny\n"
        assert judge.asked == asked
        chain.remember([outcome], commit=COMMIT)
