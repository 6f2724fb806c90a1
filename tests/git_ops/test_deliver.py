import pytest

from git_ops import Mirror, remote
from git_ops.conflict import Abstained, HunkChoice, by_hunks
from git_ops.deliver import OURS, Work, deliver, publishable, read_remote
from git_ops.errors import LeaseLost, PushRejected, TargetMoved, UnknownRef
from git_ops.push import push
from git_ops.resolve.chain import Chain
from git_ops.resolve.memory import Memory, MemoryResolver

BACKUP = "refs/forgehand/backup/1"


class Counting:
    """Answers every hunk with both sides' words, and counts how often it was asked."""

    name = "counting"

    def __init__(self):
        self.asked = 0

    def resolve(self, conflict, _context):
        self.asked += 1
        if not conflict.textual:
            return Abstained(why="no text")
        choices = tuple(
            HunkChoice(id=hunk.id, text=hunk.target + hunk.agent, why="both") for hunk in conflict.hunks
        )
        return by_hunks(conflict, choices, resolver=self.name, source="model", why="both are wanted")


class Case:
    """A remote with `main` and `work`, which conflict in one hunk unless told otherwise; `git` is our mirror's."""

    def __init__(self, origin, tmp_path):
        self.origin, self.people = origin, origin.people
        base = self.people.commit({"f": "first\nmiddle\nlast\n"}, "base")
        self.people("checkout", "-q", "-b", "work")
        self.tip = self.people.commit({"f": "first\nmiddle by agent\nlast\n"}, "agent")
        self.people("checkout", "-q", "main")
        self.people.commit({"f": "first\nmiddle by target\nlast\n"}, "target")
        self.base = base
        origin.push("main", "work")
        self.mirror = Mirror(tmp_path / "mirror.git", origin.url, allow_protocols=("file",))
        self.mirror.ensure()
        self.mirror.fetch()
        self.git = self.mirror.git
        self.model = Counting()
        memory = MemoryResolver(Memory(tmp_path / "memory"), "here")
        self.chain = Chain([memory, self.model])
        self.moves = 0

    def move_target(self):
        self.moves += 1
        oid = self.people.commit({f"other{self.moves}": "x\n"}, f"target moves {self.moves}")
        self.origin.push("main")
        return oid

    def deliver(self, *, expected="tip", **options):
        work = Work(
            url=self.origin.url,
            branch="work",
            target="main",
            tip=self.tip,
            expected=self.tip if expected == "tip" else expected,
            backup_ref=BACKUP,
        )
        options = {"chain": self.chain, "first_pause_seconds": 0.01} | options
        return deliver(self.git, work, **options)

    def accept(self, *, moving=0, then=lambda: None):
        """Move the target after each of the first rebases, before the push."""
        left = [moving]

        def accepted(report):
            if left[0]:
                left[0] -= 1
                self.move_target()
            then()
            return publishable(report)

        return accepted

    def is_delivered(self, delivery):
        main, work = self.origin.at("refs/heads/main"), self.origin.at("refs/heads/work")
        self.people("fetch", "-q", self.origin.url, "work")
        assert work == delivery.pushed.sha == delivery.report.new_tip
        assert self.people("rev-parse", "FETCH_HEAD^") == main
        content = b"first\nmiddle by target\nmiddle by agent\nlast\n"
        assert self.people.show("FETCH_HEAD", "f") == content
        return True


@pytest.fixture
def case(origin, tmp_path):
    return Case(origin, tmp_path)


def test_a_target_that_stands_still(case):
    delivery = case.deliver()
    assert case.is_delivered(delivery)
    assert [attempt.outcome for attempt in delivery.attempts] == ["pushed"]
    assert (delivery.report.outcome, delivery.behind) == ("resolved", False)
    assert case.origin.at(BACKUP) == case.tip
    assert (delivery.pushed.previous, delivery.pushed.backup_ref) == (case.tip, BACKUP)
    assert case.git.text("for-each-ref", OURS) == ""


def test_a_target_that_moves_on_the_first_three_pushes(case):
    delivery = case.deliver(accept=case.accept(moving=3))
    assert case.is_delivered(delivery)
    assert [a.outcome for a in delivery.attempts] == ["target moved"] * 3 + ["pushed"]
    assert len({a.onto for a in delivery.attempts}) == 4
    assert case.model.asked == 1  # the rest came from memory
    assert delivery.report.conflicts[0].source == "memory"


def test_through_the_mirrors_own_lock(case):
    delivery = case.deliver(fetch=case.mirror.fetch_refs, accept=case.accept(moving=1))
    assert case.is_delivered(delivery)


def test_attempts_are_bounded(case):
    before = case.origin.at("refs/heads/work")
    with pytest.raises(TargetMoved, match="Nothing was pushed") as caught:
        case.deliver(accept=case.accept(moving=99), attempts=3)
    assert case.moves == 3
    assert caught.value.retryable
    assert case.origin.at("refs/heads/work") == before
    assert case.origin.at(BACKUP) is None
    assert case.git.text("for-each-ref", OURS) == ""


def test_somebody_elses_push_is_never_overwritten(case):
    def somebody_pushes():
        case.people("checkout", "-q", "work")
        case.foreign = case.people.commit({"theirs": "t\n"}, "their very own")
        case.origin.push("work")

    with pytest.raises(LeaseLost, match="Carl: their very own") as caught:
        case.deliver(accept=case.accept(then=somebody_pushes))
    assert caught.value.actual == case.foreign == case.origin.at("refs/heads/work")


def test_a_lease_that_is_lost_from_the_start_costs_nothing(case):
    case.people("checkout", "-q", "work")
    foreign = case.people.commit({"theirs": "t\n"}, "earlier")
    case.origin.push("work")
    with pytest.raises(LeaseLost, match="Carl: earlier"):
        case.deliver()
    assert (case.model.asked, case.origin.at("refs/heads/work")) == (0, foreign)


def test_a_branch_that_is_gone(case):
    case.origin.push(":work")
    with pytest.raises(LeaseLost, match="gone now"):
        case.deliver()


def test_a_new_branch(case):
    case.origin.push(":work")
    delivery = case.deliver(expected=None)
    assert case.is_delivered(delivery)
    assert (delivery.pushed.previous, delivery.pushed.backup_ref) == (None, None)


def test_a_new_branch_that_somebody_else_made_first(case):
    with pytest.raises(LeaseLost, match="it was not there"):
        case.deliver(expected=None)


def test_a_conflict_that_nobody_settles_pushes_nothing(case):
    delivery = case.deliver(chain=Chain([]))
    assert (delivery.report.outcome, delivery.pushed) == ("conflicted", None)
    assert [a.outcome for a in delivery.attempts] == ["conflicted"]
    assert case.origin.at("refs/heads/work") == case.tip


def test_a_target_that_moves_during_the_push(case):
    """Between the server's word where it is and our commits' arrival: found afterwards, and done again."""
    later = case.people.commit({"late": "l\n"}, "late")
    case.origin.push("main:refs/hidden/late")
    hook = case.origin.path / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ngit update-ref refs/heads/main {later}\n")
    hook.chmod(0o755)
    delivery = case.deliver()
    assert case.is_delivered(delivery)
    assert case.origin.at("refs/heads/main") == later
    assert [a.outcome for a in delivery.attempts] == ["target moved", "pushed"]
    assert delivery.pushed.backup_ref == BACKUP
    assert case.origin.at(BACKUP) == case.tip
    assert case.model.asked == 1


def test_behind_is_said_where_there_is_no_attempt_left(case):
    later = case.people.commit({"late": "l\n"}, "late")
    case.origin.push("main:refs/hidden/late")
    hook = case.origin.path / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ngit update-ref refs/heads/main {later}\n")
    hook.chmod(0o755)
    delivery = case.deliver(attempts=1)
    assert delivery.behind
    assert case.origin.at("refs/heads/work") == delivery.report.new_tip


def test_the_target_itself_is_never_in_a_push(case):
    seen = case.origin.path / "seen"
    hook = case.origin.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ncat >> {seen}\n")
    hook.chmod(0o755)
    case.deliver()
    assert sorted(line.split()[2] for line in seen.read_text().splitlines()) == [BACKUP, "refs/heads/work"]


@pytest.mark.parametrize("where", ["ahead", "behind", "elsewhere", "gone"])
def test_a_push_that_hangs_on_a_branch_cannot_move_it(case, where):
    onto = case.origin.at("refs/heads/main")
    match where:
        case "ahead":
            case.move_target()
        case "behind":
            case.origin.push(f"+{case.base}:refs/heads/main")
        case "elsewhere":
            case.origin.push("+work:refs/heads/main")
        case "gone":
            case.people("--git-dir", str(case.origin.path), "symbolic-ref", "HEAD", "refs/heads/work")
            case.origin.push(":main")
    main, work = case.origin.at("refs/heads/main"), case.origin.at("refs/heads/work")
    with pytest.raises(TargetMoved) as caught:
        push(
            case.git,
            url=case.origin.url,
            sha=onto,
            branch="work",
            expected=case.tip,
            backup_ref=BACKUP,
            unmoved={"main": onto},
        )
    assert (caught.value.expected, caught.value.actual) == (onto, main)
    assert (case.origin.at("refs/heads/main"), case.origin.at("refs/heads/work")) == (main, work)
    assert case.origin.at(BACKUP) is None


def test_no_such_target(case):
    case.people("--git-dir", str(case.origin.path), "symbolic-ref", "HEAD", "refs/heads/work")
    case.origin.push(":main")
    with pytest.raises(UnknownRef, match="no branch main"):
        case.deliver()


def test_onto_itself(case):
    work = Work(url=case.origin.url, branch="main", target="main", tip=case.tip, expected=None)
    with pytest.raises(PushRejected):
        deliver(case.git, work)


def test_an_answer_that_got_lost(case, monkeypatch):
    """The push arrives, its answer doesn't: the next round finds its own commits there."""
    real, broken = remote.ls_remote, []

    def breaks_once_after_the_push(git, url, *refs):
        found = real(git, url, *refs)
        if not broken and found.get("refs/heads/work") not in {None, case.tip}:
            broken.append(True)
            case.move_target()
            raise remote.RemoteUnreachable("cut off")
        return found

    monkeypatch.setattr(remote, "ls_remote", breaks_once_after_the_push)
    delivery = case.deliver()
    assert broken
    assert case.is_delivered(delivery)


def test_where_it_is_now(case):
    assert read_remote(case.git, case.origin.url, "work") == case.tip
    assert read_remote(case.git, case.origin.url, "nothing") is None
