import pytest

from app.domain.job import State
from app.forges.port import ForgeDenied, ForgeError, ForgeUnavailable
from app.jobs.comment import comment
from app.jobs.launch import launch
from app.jobs.publish import STATUS_CONTEXT, publish
from runner.protocol import RebaseFacts

pytestmark = pytest.mark.slow  # real pushes to a real forge: a third of a second each


def test_work_becomes_a_branch_a_pull_request_and_a_status(place, queued):
    job = place.published(place.handed_in(files={"new.txt": "a\nb\n", "README.md": None}))
    assert (job.state, job.error) == (State.SUCCEEDED, None)
    (pull,) = place.pulls()
    report = job.report
    assert place.branch(job.branch) == pull["head"]["sha"] == report.head_sha
    assert (pull["number"], pull["html_url"]) == (report.pull_number, report.pull_url)
    assert (pull["base"]["ref"], pull["head"]["ref"]) == ("main", job.branch)
    assert pull["title"].endswith("Say hello")
    assert pull["draft"]
    assert f"Fixes #{job.number}" in pull["body"]
    assert (report.commits, report.files, report.added) == (1, 2, 2)
    assert set(report.paths) == {"new.txt", "README.md"}
    (status,) = place.owner.api("GET", f"/repos/{place.repo}/statuses/{report.head_sha}")
    assert (status["context"], status["status"]) == (STATUS_CONTEXT, "success")
    assert {("comment", job.id), ("reconcile", job.id)} <= set(queued())


def test_a_title_is_shown_as_it_was_written_and_mentions_nobody(place):
    job = place.published(place.handed_in(place.launched(place.asked("Add `--x` for @everybody, see #1"))))
    assert job.state == State.SUCCEEDED
    (pull,) = place.pulls()
    assert "Add `--x` for @\u200beverybody, see #\u200b1" in pull["title"]


def test_publishing_again_changes_nothing(place):
    job = place.published()
    publish(place.desk, job.id)
    assert place.get(job) == job
    assert len(place.pulls()) == 1


@pytest.mark.parametrize("state", ["queued", "running"])
def test_only_publishing_jobs_are_published(place, state):
    job = place.asked() if state == "queued" else place.launched()
    publish(place.desk, job.id)
    assert place.get(job) == job
    assert place.pulls() == []


REFUSED = {
    "a workflow": (
        {".gitea/workflows/ci.yml": "x"},
        "'.gitea/workflows/ci.yml', which only a person may change",
    ),
    "in other letters": ({".GitHub/Workflows/ci.yml": "x"}, "which only a person may change"),
    "our own config": ({".forgehand.yml": "verify: curl evil"}, "'.forgehand.yml'"),
    "agent settings": ({".claude/settings.json": "{}"}, "'.claude/settings.json'"),
    "a link": ({"passwd": ("/etc/passwd",)}, "the symbolic link 'passwd'"),
    "a deletion of code owners": ({"CODEOWNERS": "x"}, "'CODEOWNERS'"),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_only_a_person_may_do_is_not_published(place, why):
    files, sentence = REFUSED[why]
    job = place.published(place.handed_in(files={"ok.txt": "ok", **files}))
    assert job.state == State.FAILED
    assert sentence in job.error
    assert place.branch(job.branch) is None
    assert place.pulls() == []


def test_a_submodule_is_not_published(place):
    job = place.launched()
    head = place.push_work(job, {}, gitlink="lib")
    ended = place.published(place.handed_in(job, head_sha=head))
    assert "the submodule 'lib'" in ended.error


def test_more_commits_than_the_job_made_are_not_published(place):
    job = place.published(place.handed_in(files={"a": "a"}, commits=2))
    assert job.state == State.FAILED
    assert "a commit that nobody asked for" in job.error


def test_too_many_files_are_not_published(place):
    place.desk = place.make_desk(max_changed_files=2)
    job = place.published(place.handed_in(files={name: name for name in "abc"}))
    assert "it changes 3 files; at most 2" in job.error


def test_a_report_that_is_not_what_was_pushed_is_not_believed(place):
    job = place.launched()
    place.push_work(job, {"a": "a"})
    ended = place.published(place.handed_in(job, head_sha=place.branch("main")))
    assert ended.state == State.FAILED
    assert "isn't what it reported" in ended.error
    assert place.branch(job.branch) is None


def test_nothing_pushed_at_all(place):
    ended = place.published(place.handed_in(head_sha="1" * 40))
    assert ended.state == State.FAILED
    assert place.pulls() == []


@pytest.mark.parametrize("said", ["no_changes", "changed"])
def test_no_changes_are_no_success_whatever_is_said(place, said):
    job = place.launched()
    result = {"head_sha": None} if said == "no_changes" else {"files": {}}
    ended = place.published(place.handed_in(job, outcome=said, **result))
    assert ended.state == State.NO_CHANGES
    assert place.pulls() == []


def test_a_human_who_pushed_meanwhile_is_not_overwritten(place):
    job = place.handed_in()
    theirs = place.owner.write(place.repo, "x.txt", "x", new_branch=job.branch)
    ended = place.published(job)
    assert ended.state == State.FAILED
    assert "was moved by someone else" in ended.error
    assert "Ask again" in ended.error
    assert place.branch(job.branch) == theirs
    assert place.pulls() == []


def test_the_old_tip_of_a_branch_is_kept(place):
    first = place.published()
    place.deliver(*place.comment_event(first.number, place.say(first.number, "@agent more")))
    second = place.published(place.handed_in(place.launched(place.jobs()[0]), files={"more.txt": "more"}))
    assert second.state == State.SUCCEEDED, second.error
    backup = f"refs/forgehand/backup/{second.id}"
    assert second.report.backup_ref == backup
    shown = place.git("ls-remote", place.owner.git_url(place.repo), backup, cwd=place.folder)
    assert shown.startswith(first.report.head_sha)
    assert [pull["number"] for pull in place.pulls()] == [first.report.pull_number]
    assert second.report.pull_number == first.report.pull_number


def test_the_target_itself_is_never_pushed_to(place):
    job = place.handed_in()
    main = place.branch("main")
    place.desk.jobs.change(job.id, branch="main", expected_tip=main)
    ended = place.published(job)
    assert ended.state == State.FAILED
    assert "protected" in ended.error
    assert place.branch("main") == main


def test_unfinished_work_is_saved_and_not_called_done(place):
    job = place.published(place.handed_in(outcome="failed", error="the tests fail", files={"a": "a"}))
    assert (job.state, job.error) == (State.FAILED, "the tests fail")
    saved = f"forgehand/unfinished-{job.id}"
    assert job.report.saved_branch == saved
    assert place.branch(saved) == job.report.head_sha
    assert place.branch(job.branch) is None
    assert place.pulls() == []


def test_unfinished_work_is_judged_too(place):
    job = place.published(
        place.handed_in(outcome="failed", error="x", files={".gitea/workflows/ci.yml": "x"})
    )
    assert "which only a person may change" in job.error
    assert place.branch(f"forgehand/unfinished-{job.id}") is None


def test_a_failure_with_nothing_to_save(place):
    job = place.published(place.handed_in(outcome="failed", error="Claude can't be reached", head_sha=None))
    assert (job.state, job.error, job.report) == (State.FAILED, "Claude can't be reached", None)


def test_a_rebase_moves_the_pull_requests_branch(place):
    place.owner.write(place.repo, "feature.txt", "feature\n", new_branch="feature")
    number = place.owner.pull(place.repo, "feature")
    place.owner.write(place.repo, "main.txt", "main\n")
    place.deliver(*place.comment_event(number, place.say(number, "@agent rebase")))
    old = place.branch("feature")
    launch(place.desk, place.jobs()[0].id)
    done = place.published(place.jobs()[0])
    assert done.state == State.SUCCEEDED, done.error
    assert place.branch("feature") == done.report.head_sha != old
    assert done.report.pull_number == number
    assert len(place.pulls()) == 1


def test_what_the_target_already_has_is_not_ours_to_judge(place):
    """A branch that a person gave a workflow may still be worked on: the job itself doesn't touch it."""
    place.owner.write(place.repo, ".gitea/workflows/ci.yml", "on: push\n", new_branch="feature")
    number = place.owner.pull(place.repo, "feature")
    place.deliver(*place.comment_event(number, place.say(number, "@agent add a file")))
    done = place.published(place.handed_in(place.launched(place.jobs()[0])))
    assert done.state == State.SUCCEEDED, done.error


def test_while_the_forge_is_down_the_job_keeps_its_state(place, faulty):
    job = place.handed_in()
    for only in ("git_access", "repo", "create_pull"):
        forge = faulty(place.forge, fail=ForgeUnavailable("down"), only=only)
        with pytest.raises(ForgeUnavailable):
            publish(place.with_forge(forge), job.id)
        assert place.get(job).state == State.PUBLISHING
    assert place.published(job).state == State.SUCCEEDED
    assert len(place.pulls()) == 1


def test_a_missing_right_is_told(place, faulty):
    job = place.handed_in()
    publish(
        place.with_forge(
            faulty(place.forge, fail=ForgeDenied("no right to open pull requests"), only="create_pull")
        ),
        job.id,
    )
    ended = place.get(job)
    assert ended.state == State.FAILED
    assert "no right to open pull requests" in ended.error


@pytest.mark.parametrize("after", [False, True], ids=["before the call", "after the call"])
def test_killed_at_any_call_and_repeated_there_is_one_pull_request_and_one_comment(
    place, faulty, killed, after
):
    for use_case in (publish, comment):
        at = 0
        while True:
            job = place.handed_in(place.launched(place.asked(f"{use_case.__name__} {at}")))
            if use_case is comment:
                publish(place.desk, job.id)
            forge = faulty(place.forge, kill_at=at, after=after)
            try:
                use_case(place.with_forge(forge), job.id)
            except killed:
                for again in (publish, comment, comment):
                    again(place.desk, job.id)
                check(place, job)
                at += 1
                continue
            assert at >= 4, forge.calls
            break


def check(place, job):
    ended = place.get(job)
    assert ended.state == State.SUCCEEDED, ended.error
    assert len([pull for pull in place.pulls() if pull["head"]["ref"] == job.branch]) == 1
    (told,) = place.said(job.number)
    assert "**Forgehand finished**" in told
    assert place.labels_of(job.number) == set()
    assert place.branch(job.branch) == ended.report.head_sha
    assert job.id not in {one.id for one in place.desk.jobs.live()}


def test_a_rebase_that_needs_a_person_is_not_pushed_as_a_success(place):
    job = place.launched()
    head = place.push_work(job, {"a": "a"})
    facts = RebaseFacts(outcome="conflicted", old_tip=head, new_tip=head, onto=job.base_sha, detail="a.py")
    ended = place.published(
        place.handed_in(job, head_sha=head, outcome="failed", error="it conflicts", rebase=facts)
    )
    assert (ended.state, ended.error) == (State.FAILED, "it conflicts")


@pytest.mark.parametrize("error", [ForgeUnavailable("down"), ForgeDenied("no right")])
def test_a_status_that_cannot_be_set_does_not_undo_the_work(place, faulty, error):
    job = place.handed_in()
    publish(place.with_forge(faulty(place.forge, fail=error, only="set_status")), job.id)
    assert place.get(job).state == State.SUCCEEDED


def test_a_pull_request_whose_answer_was_lost_is_found(place):
    """The look-up came too early, and the forge says that there is one already."""
    job = place.handed_in()
    publish(place.with_forge(LateLookUp(place.forge)), job.id)
    again = place.get(job)
    assert again.state == State.SUCCEEDED, again.error
    assert len(place.pulls()) == 1


class LateLookUp:
    def __init__(self, real):
        self._real, self._looks = real, 0

    def __getattr__(self, name):
        return getattr(self._real, name)

    def find_pull(self, repo, **branches):
        self._looks += 1
        return None if self._looks == 1 else self._real.find_pull(repo, **branches)

    def create_pull(self, repo, **values):
        self._real.create_pull(repo, **values)
        raise ForgeError("a pull request for these targets exists already", status=409)


def test_a_failure_that_may_pass_gets_another_attempt(place):
    job = place.handed_in(outcome="failed", error="overloaded", retryable=True, head_sha=None)
    publish(place.desk, job.id)
    again = place.get(job)
    assert again.state == State.QUEUED
    assert "overloaded" in again.timeline[-1].cause


def test_a_failure_with_nothing_to_save_is_still_a_failure(place):
    job = place.launched()
    head = job.base_sha
    place.desk.mirror_of(job).git.run("update-ref", job.quarantine_ref, head)
    ended = place.published(place.handed_in(job, head_sha=head, outcome="failed", error="it broke"))
    assert (ended.state, ended.error) == (State.FAILED, "it broke")
