import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.job import ENDED, NEXT, IllegalTransitionError, State
from tests.support.desk import make_job, walk

LEGAL = {
    "received": "queued refused",
    "queued": "launching publishing failed cancelled timed_out",
    "launching": "running queued failed cancelled timed_out",
    "running": "publishing queued failed cancelled timed_out",
    "publishing": "queued succeeded no_changes failed cancelled timed_out",
}


@pytest.mark.parametrize("to", State)
@pytest.mark.parametrize("start", State)
def test_exactly_the_arrows_of_the_table_can_be_taken(start, to):
    job = make_job(state=start)
    if str(to) in LEGAL.get(str(start), "").split():
        assert job.moved(to, cause="x", at=1.0).state == to
    else:
        with pytest.raises(IllegalTransitionError, match=f"{job.id} is {start}; it can't become {to}"):
            job.moved(to, cause="x", at=1.0)


def test_ended_states_are_those_without_a_way_out():
    assert {state for state in State if not NEXT[state]} == ENDED
    assert all(make_job(state=state).ended == (state in ENDED) for state in State)


@given(st.lists(st.sampled_from(list(State)), max_size=12))
def test_whatever_is_asked_the_timeline_only_grows_along_legal_arrows(wishes):
    job = make_job()
    for at, wish in enumerate(wishes):
        try:
            job = job.moved(wish, cause="x", at=float(at))
        except IllegalTransitionError:
            continue
    states = [step.state for step in job.timeline]
    assert states[-1] == job.state
    assert all(later in NEXT[earlier] for earlier, later in itertools.pairwise(states))
    assert not any(state in ENDED for state in states[:-1])


def test_moving_leaves_the_old_version_alone_and_notes_who_and_when():
    before = make_job(state=State.QUEUED)
    after = before.moved(State.LAUNCHING, cause="attempt 1", at=5.0, attempt=1, base_sha="b" * 40)
    assert (before.state, before.attempt, len(before.timeline)) == (State.QUEUED, 0, 1)
    step = after.timeline[-1]
    assert (step.at, step.state, step.cause, step.attempt) == (5.0, State.LAUNCHING, "attempt 1", 1)
    assert after.base_sha == "b" * 40


def test_the_quarantine_ref_belongs_to_one_attempt():
    job = walk(make_job(id="abcdefgh"), State.RUNNING)
    assert job.quarantine_ref == "refs/forgehand/jobs/abcdefgh/1/head"
    assert job.model_copy(update={"attempt": 2}).quarantine_ref != job.quarantine_ref


def test_since_tells_the_newest_entry():
    job = make_job(state=State.QUEUED, timeline=())
    for at, state in enumerate((State.LAUNCHING, State.QUEUED, State.LAUNCHING)):
        job = job.moved(state, cause="x", at=float(at))
    assert job.since(State.LAUNCHING) == 2.0
    assert job.since(State.PUBLISHING) is None


@pytest.mark.parametrize("bad", ["short", "UPPERCASE1", "../../etc/passwd", "a" * 33, "abcdefgh\n"])
def test_ids_are_safe_in_refs_and_paths(bad):
    with pytest.raises(ValueError, match="id"):
        make_job(id=bad)
