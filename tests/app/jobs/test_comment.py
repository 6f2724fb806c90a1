import pytest

from app.domain import rendering
from app.domain.job import State
from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, ForgeUnavailable
from app.jobs.comment import comment, reply_once

pytestmark = pytest.mark.slow  # a mirror and a forge's repository for each


def test_one_comment_follows_the_job(place):
    job = place.asked()
    comment(place.desk, job.id)
    assert "**Forgehand is waiting for its turn**" in place.said(job.number)[0]
    job = place.launched(place.get(job))
    comment(place.desk, job.id)
    (text,) = place.said(job.number)
    assert "**Forgehand is working**" in text
    comment(place.desk, job.id)
    assert place.get(job).shown == rendering.fingerprint(place.get(job))
    reactions = place.owner.api("GET", f"/repos/{place.repo}/issues/{job.number}/reactions") or []
    assert [one["content"] for one in reactions] == ["eyes"]


def test_an_unchanged_job_is_not_told_again(place, faulty):
    job = place.asked()
    comment(place.desk, job.id)
    forge = faulty(place.forge)
    comment(place.with_forge(forge), job.id)
    assert forge.calls == []


def test_an_ended_job_is_told_tidied_up_and_let_go(place):
    job = place.published()
    comment(place.desk, job.id)
    (text,) = place.said(job.number)
    assert f"Pull request #{job.report.pull_number} " in text
    assert place.labels_of(job.number) == set()
    assert place.desk.jobs.live() == []


def test_a_failed_job_asks_for_a_human(place):
    job = place.published(place.handed_in(outcome="failed", error="the tests fail", head_sha=None))
    comment(place.desk, job.id)
    assert place.labels_of(job.number) == {"needs-human"}
    assert "The tests fail" in place.said(job.number)[0]


def test_a_refused_job_is_told(place):
    place.rules("allow: {targets: [other]}\n")
    number = place.issue()
    place.label(number, "agent")
    place.deliver(*place.label_event(number))
    comment(place.desk, place.job().id)
    (text,) = place.said(number)
    assert "**Forgehand will not do this**" in text
    assert place.desk.jobs.live() == []


def test_a_deleted_comment_is_made_again(place):
    job = place.asked()
    comment(place.desk, job.id)
    first = place.get(job).comment_id
    place.owner.api("DELETE", f"/repos/{place.repo}/issues/comments/{first}")
    place.launched(job)
    comment(place.desk, job.id)
    (text,) = place.said(job.number)
    assert "is working" in text
    assert place.get(job).comment_id != first


def test_our_comment_is_found_again_and_other_peoples_copies_of_it_are_not_ours(place):
    job = place.asked()
    place.desk.jobs.change(job.id, comment_begun=True)  # and its answer was lost
    place.say(job.number, f"{rendering.marker(job.id)}\nI am the bot", by=place.stranger)
    place.say(job.number, f"quoting {rendering.marker(job.id)}", by=place.bot)
    own = place.say(job.number, f"{rendering.marker(job.id)}\nhalf done", by=place.bot)
    comment(place.desk, job.id)
    assert place.get(job).comment_id == own
    assert len(place.said(job.number)) == 2
    assert place.said(job.number, by=place.stranger) == [f"{rendering.marker(job.id)}\nI am the bot"]


@pytest.mark.parametrize("error", [ForgeDenied("blocked"), ForgeNotFound("the comment is gone")])
def test_a_reaction_that_is_refused_keeps_nothing_from_being_told(place, faulty, error):
    job = place.published()
    comment(place.with_forge(faulty(place.forge, fail=error, only="react")), job.id)
    assert len(place.said(job.number)) == 1
    assert place.labels_of(job.number) == set()


def test_a_thread_that_cannot_be_read_is_told_all_the_same(place, faulty):
    """Somebody may write a comment so large that nobody reads the thread any more."""
    for begun in (False, True):
        job = place.asked()
        place.desk.jobs.change(job.id, comment_begun=begun)
        comment(place.with_forge(faulty(place.forge, fail=ForgeError("too large"), only="comments")), job.id)
        assert len(place.said(job.number)) == 1


def test_a_reply_is_given_once(place):
    number = place.issue()
    place.say(number, f"{rendering.marker('reply-k')}\nfake", by=place.stranger)
    for _ in range(2):
        reply_once(place.forge, place.repo, number, key="k", text="hello")
    assert place.said(number) == [f"{rendering.marker('reply-k')}\nhello"]


def test_while_the_forge_is_down_the_thread_is_still_to_be_told(place, faulty):
    job = place.published()
    with pytest.raises(ForgeUnavailable):
        comment(place.with_forge(faulty(place.forge, fail=ForgeUnavailable("down"))), job.id)
    assert place.get(job).shown is None
    assert [one.id for one in place.desk.jobs.live()] == [job.id]


@pytest.mark.parametrize("error", [ForgeNotFound("gone"), ForgeDenied("locked")])
def test_a_thread_that_is_gone_or_closed_to_us_is_let_go(place, faulty, error):
    job = place.published()
    comment(place.with_forge(faulty(place.forge, fail=error)), job.id)
    assert place.desk.jobs.live() == []


@pytest.mark.parametrize("error", [ForgeNotFound("no such label"), ForgeDenied("no right")])
def test_a_label_that_cannot_be_set_spoils_nothing(place, faulty, error):
    job = place.published(place.handed_in(outcome="failed", error="x", head_sha=None))
    comment(place.with_forge(faulty(place.forge, fail=error, only="add_label")), job.id)
    assert len(place.said(job.number)) == 1
    assert place.desk.jobs.live() == []


def test_a_job_without_a_thread_is_only_settled(place):
    job = place.asked()
    place.desk.jobs.change(job.id, forge="run")
    place.desk.jobs.move(job.id, State.FAILED, cause="x")
    comment(place.desk, job.id)
    assert place.desk.jobs.live() == []
