"""A call that reached the forge and whose answer was lost is made again, and what it made is there once.

The whole way of one job: every single call of it loses its answer once, each in a run of its own.
"""

import pytest

from app.domain.job import State
from app.forges.port import ForgeUnavailable
from app.jobs.comment import comment
from app.jobs.intake import intake
from app.jobs.launch import launch
from app.jobs.publish import publish

pytestmark = pytest.mark.slow


class LosesOneAnswer:
    """The real forge; the answer to call number `lost` never comes."""

    def __init__(self, real, lost):
        self._real, self._lost, self.calls = real, lost, []

    def __getattr__(self, name):
        real = getattr(self._real, name)
        if not callable(real):
            return real

        def call(*args, **kwargs):
            self.calls.append(name)
            number = len(self.calls)
            answer = real(*args, **kwargs)
            if number == self._lost:
                raise ForgeUnavailable("the answer was lost")
            return answer

        return call


def walk(place, forge):
    """One job from the label to the end, every task repeated as the reconciler does."""
    number = place.issue()
    place.label(number, "agent")
    desk = place.with_forge(forge)
    event, body = place.label_event(number)
    desk.deliveries.accept(endpoint="home", uuid=str(number), event=event, body=body)

    def again(use_case, argument):
        for _ in range(2):
            try:
                use_case(desk, argument)
            except ForgeUnavailable:
                continue
            return

    (waiting,) = desk.deliveries.waiting(older_than_seconds=-1)
    again(intake, waiting)
    job = place.jobs()[0]
    again(comment, job.id)
    again(launch, job.id)
    desk.jobs.move(job.id, State.RUNNING, cause="test", attempt=1)
    place.handed_in(place.get(job))
    again(publish, job.id)
    again(comment, job.id)
    return place.get(job)


def test_every_answer_may_be_lost_once(place):
    whole = LosesOneAnswer(place.forge, lost=0)
    assert walk(place, whole).state == State.SUCCEEDED
    calls = [name for name in whole.calls if name not in {"whoami", "git_access"}]
    assert {"create_comment", "create_pull", "set_status", "remove_label", "react"} <= set(calls)
    assert len(calls) <= 22, calls  # what one job costs the forge; every call more is a decision
    for lost in range(1, len(whole.calls) + 1):
        job = walk(place, LosesOneAnswer(place.forge, lost=lost))
        what = whole.calls[lost - 1]
        assert job.state == State.SUCCEEDED, (what, job.error)
        assert len(place.said(job.number)) == 1, what
        pulls = [one for one in place.pulls() if one["head"]["ref"] == job.branch]
        assert len(pulls) == 1, what
        statuses = place.owner.api("GET", f"/repos/{place.repo}/commits/{job.report.head_sha}/statuses")
        assert [one["context"] for one in statuses] == ["forgehand/job"], what
        assert place.labels_of(job.number) == set(), what
        reactions = place.owner.api("GET", f"/repos/{place.repo}/issues/{job.number}/reactions")
        assert [one["content"] for one in reactions] == ["eyes"], what
