from app.domain.job import State
from app.jobs.ending import fail


def test_a_job_ends_with_a_sentence_and_whoever_waits_is_told(place, queued):
    job = place.asked()
    before = len(queued())
    fail(place.desk, job, "it went wrong " + "x" * 3000)
    ended = place.get(job)
    assert ended.state == State.FAILED
    assert ended.error.startswith("it went wrong")
    assert len(ended.error) == 2000
    assert queued()[before:] == [("comment", job.id), ("reconcile", job.id)]


def test_whoever_moved_it_meanwhile_goes_first(place):
    job = place.launched()
    handed_in = place.handed_in(job)
    fail(place.desk, job, "too late", to=State.TIMED_OUT)
    assert place.get(job) == handed_in
    lost = place.launched()
    place.desk.jobs.move(lost.id, State.QUEUED, cause="lost")
    again = place.launched(place.get(lost))
    fail(place.desk, lost, "an older attempt")
    assert place.get(lost) == again
