import pytest

from app.domain.job import State
from app.forges.port import ForgeUnavailable
from app.jobs.launch import launch
from app.store.locks import BusyError, lease
from git_ops import GitError

pytestmark = pytest.mark.slow  # a mirror is made for each: a third of a second


def again(place, job):
    launch(place.desk, job.id)
    return place.get(job)


def test_an_attempt_is_pinned_ordered_and_given_a_token(place):
    job = again(place, place.asked())
    main = place.branch("main")
    assert (job.state, job.attempt) == (State.LAUNCHING, 1)
    assert (job.base_sha, job.start_sha, job.expected_tip) == (main, main, None)
    (order,) = place.launcher.orders
    assert (order.job_id, order.attempt) == (job.id, 1)
    assert order.broker_url == "http://127.0.0.1:8080/broker"
    assert place.desk.attempts.authenticate(order.token) == job


def test_launching_twice_starts_one_runner(place):
    job = place.asked()
    again(place, job)
    assert again(place, job).attempt == 1
    assert len(place.launcher.orders) == 1


def test_two_workers_at_once_start_one_runner(place, monkeypatch):
    monkeypatch.setattr("app.jobs.launch.LEASE_WAIT_SECONDS", 0.1)
    job = place.asked()
    with lease(place.desk.redis, f"job:{job.id}", seconds=5), pytest.raises(BusyError):
        launch(place.desk, job.id)
    assert place.launcher.orders == []


@pytest.mark.parametrize("state", [State.RUNNING, State.PUBLISHING, State.FAILED])
def test_only_queued_jobs_are_launched(place, state):
    job = place.launched()
    if state != State.RUNNING:
        place.desk.jobs.move(job.id, state, cause="x")
    assert again(place, job).state == state
    assert len(place.launcher.orders) == 1


def test_no_more_runners_than_allowed(place):
    place.desk = place.make_desk(max_running=1)
    first, second = place.asked("one"), place.asked("two")
    assert again(place, first).state == State.LAUNCHING
    assert again(place, second).state == State.QUEUED
    place.desk.jobs.move(first.id, State.FAILED, cause="x")
    assert again(place, second).state == State.LAUNCHING


def test_one_job_at_a_time_works_on_a_branch(place):
    number = place.issue()
    for text in ("@agent one", "@agent two"):
        place.deliver(*place.comment_event(number, place.say(number, text)))
    second, first = place.jobs()
    assert again(place, second).state == State.QUEUED  # the older one goes first
    for state in (State.LAUNCHING, State.RUNNING, State.PUBLISHING):
        if state == State.LAUNCHING:
            assert again(place, first).state == state
        else:
            place.desk.jobs.move(first.id, state, cause="x")
        assert again(place, second).state == State.QUEUED
    place.desk.jobs.move(first.id, State.NO_CHANGES, cause="x")
    assert again(place, second).state == State.LAUNCHING


def test_a_runner_that_is_lost_too_often_ends_the_job(place):
    place.desk = place.make_desk(max_attempts=2)
    job = place.asked()
    for attempt in (1, 2):
        assert again(place, job).attempt == attempt
        place.desk.jobs.move(job.id, State.QUEUED, cause="lost")
    ended = again(place, job)
    assert (ended.state, ended.attempt) == (State.FAILED, 2)
    assert "the runner was lost 2 times" in ended.error
    assert len(place.launcher.orders) == 2


def test_a_launch_that_fails_goes_back_to_the_queue_and_counts(place):
    place.launcher.refuse = "no memory"
    job = again(place, place.asked())
    assert (job.state, job.attempt) == (State.QUEUED, 1)
    assert job.timeline[-1].cause == "the launch failed: no memory"
    place.launcher.refuse = None
    assert again(place, job).attempt == 2


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ("verfy: make test\n", "verfy: Extra inputs are not permitted"),
        ("verify: [\n", "not valid YAML"),
        ("# " + "x" * 70_000, "at most 65536 bytes"),
    ],
)
def test_a_mistake_in_the_repositorys_configuration_is_told(place, config, sentence):
    job = place.asked()
    place.rules(config)
    job = again(place, job)
    assert job.state == State.CANCELLED
    assert ".forgehand.yml" in job.error
    assert sentence in job.error
    assert place.launcher.orders == []


def test_a_target_that_is_gone_is_told(place):
    job = place.asked()
    place.desk.jobs.change(job.id, target_branch="gone")
    ended = again(place, job)
    assert ended.state == State.FAILED
    assert "gone" in ended.error


@pytest.mark.parametrize("field", ["target_branch", "branch"])
@pytest.mark.parametrize("name", ["--upload-pack=x", "a..b", "refs/heads/main", "a b", "HEAD", "1" * 40])
def test_a_branch_name_that_is_none_is_told(place, field, name):
    job = place.asked()
    place.desk.jobs.change(job.id, **{field: name})
    ended = again(place, job)
    assert ended.state == State.FAILED
    assert "can't be used as a branch name" in ended.error


def test_while_the_repository_cannot_be_read_the_job_waits(place, faulty):
    job = place.asked()
    forge = faulty(place.forge, fail=ForgeUnavailable("down"))
    with pytest.raises((ForgeUnavailable, GitError)):
        launch(place.with_forge(forge), job.id)
    assert place.get(job).state == State.QUEUED
    assert again(place, job).state == State.LAUNCHING


def test_a_second_job_goes_on_where_an_open_pull_request_stands(place):
    done = place.published()
    number = done.number
    place.deliver(*place.comment_event(number, place.say(number, "@agent more of it")))
    job = again(place, place.jobs()[0])
    assert job.branch == done.branch
    assert job.start_sha == job.expected_tip == done.report.head_sha
    assert job.base_sha == place.branch("main")


def test_a_branch_that_a_closed_pull_request_left_is_left_alone(place):
    done = place.published()
    place.owner.api("PATCH", f"/repos/{place.repo}/pulls/{done.report.pull_number}", {"state": "closed"})
    place.deliver(*place.comment_event(done.number, place.say(done.number, "@agent again")))
    job = again(place, place.jobs()[0])
    assert job.start_sha == job.base_sha == place.branch("main")
    assert job.expected_tip is None
    assert job.branch == f"{done.branch}-{job.id[:6]}"


def rebase_asked(place):
    place.owner.write(place.repo, "feature.txt", "feature\n", new_branch="feature")
    number = place.owner.pull(place.repo, "feature")
    place.deliver(*place.comment_event(number, place.say(number, "@agent rebase")))
    return place.jobs()[0]


def test_a_rebase_without_conflict_needs_no_runner(place):
    job = rebase_asked(place)
    place.owner.write(place.repo, "main.txt", "main\n")
    old = place.branch("feature")
    moved = again(place, job)
    assert (moved.state, moved.attempt, moved.expected_tip) == (State.PUBLISHING, 1, old)
    assert (moved.result.outcome, moved.result.rebase.outcome) == ("changed", "clean")
    assert place.desk.mirror_of(moved).resolve(moved.quarantine_ref) == moved.result.head_sha
    assert place.launcher.orders == []


def test_a_branch_that_is_up_to_date_needs_nothing(place):
    moved = again(place, rebase_asked(place))
    assert (moved.state, moved.result.outcome) == (State.PUBLISHING, "no_changes")


def test_a_rebase_with_a_conflict_gets_a_runner(place):
    job = rebase_asked(place)
    place.owner.write(place.repo, "feature.txt", "something else\n")
    assert again(place, job).state == State.LAUNCHING
    assert place.launcher.orders[0].job_id == job.id


def test_a_pull_request_whose_branch_is_gone(place):
    job = rebase_asked(place)
    place.owner.api("DELETE", f"/repos/{place.repo}/branches/feature")
    ended = again(place, job)
    assert ended.state == State.CANCELLED
    assert "was closed" in ended.error  # which forges do by themselves then
