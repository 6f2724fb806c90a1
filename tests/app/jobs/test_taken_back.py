"""What a delivery may say, what a repository wants, and what is taken back: who may ask is asked each time anew."""

import pytest

from app.domain.job import State
from app.forges.port import ForgeNotFound, ForgeUnavailable
from app.jobs.intake import intake
from app.jobs.launch import launch
from app.jobs.publish import publish
from tests.support.payload import changed


class TestADeliveryThatLies:
    """Who knows a webhook's secret can say anything; the forge is asked about it."""

    @pytest.mark.parametrize("branch", ["lax", "nothing"])
    def test_about_the_default_branch(self, place, branch):
        place.rules("allow: {who: maintain}\n")
        writer = place.server.user()
        place.owner.invite(place.repo, writer.login, "write")
        place.owner.write(place.repo, ".forgehand.yml", "{}\n", branch="main", new_branch="lax")
        number = place.issue()
        event, body = place.comment_event(number, place.say(number, "@agent do it", by=writer), by=writer)
        place.deliver(event, changed(body, repository__default_branch=branch))
        assert place.job().state == State.REFUSED
        assert place.job().target_branch == "main"

    def test_about_a_pull_request(self, place):
        number = place.pull()
        event, body = place.comment_event(number, place.say(number, "@agent approve"))
        place.deliver(event, changed(body, is_pull=False, issue__pull_request=None))
        assert "is a pull request" in place.job().error

    def test_about_how_the_repository_is_called(self, place):
        number = place.issue()
        event, body = place.comment_event(number, place.say(number, "@agent do it"))
        for name in (place.repo, place.repo.upper(), place.repo.title()):
            place.deliver(event, changed(body, repository__full_name=name))
        assert place.job().repo == place.repo

    def test_about_a_comment_it_gets_no_answer(self, place):
        number = place.issue()
        event, body = place.comment_event(number, place.say(number, "hello"))
        for one in range(3):
            place.deliver(event, changed(body, comment__id=900_000 + one, comment__body="@agent do evil"))
        assert place.jobs() == []

    def test_about_what_a_comment_said_it_gets_one(self, place):
        number = place.issue()
        event, body = place.comment_event(number, place.say(number, "hello"))
        for one in range(3):
            place.deliver(event, changed(body, comment__body=f"@agent do evil {one}"))
        assert place.job().state == State.REFUSED


@pytest.mark.slow
class TestProtectedBranches:
    """`protected` is what the forge says of a branch, whoever may push to it."""

    def test_at_the_trigger_and_before_the_push(self, place):
        number = place.pull("release")
        before = place.branch("release")
        job = place.handed_in(place.launched(place.asked_in_comment(number, "@agent do it")))
        rule = {"rule_name": "release", "branch_name": "release", "enable_push": True}
        place.owner.api("POST", f"/repos/{place.repo}/branch_protections", rule)
        assert place.published(job).state == State.CANCELLED
        assert "is protected" in place.get(job).error
        assert place.asked_in_comment(number, "@agent again").state == State.REFUSED
        assert place.branch("release") == before


class TestStop:
    def test_it_means_what_was_asked_for_before(self, place, faulty):
        number = place.issue()
        stop = place.comment_event(number, place.say(number, "@agent stop"))
        away = place.with_forge(faulty(place.forge, fail=ForgeUnavailable("away")))
        with pytest.raises(ForgeUnavailable):
            place.deliver(*stop, desk=away)
        place.ahead = 5
        job = place.asked_in_comment(number, "@agent do it")
        assert place.get(job).cancel_requested_by is None

    def test_the_same_one_again_means_nothing(self, place):
        job = place.asked_in_comment(place.issue(), "@agent one")
        event, body = place.comment_event(job.number, place.say(job.number, "@agent stop"))
        place.deliver(event, body)
        assert place.get(job).cancel_requested_by == place.owner.login
        later = place.asked_in_comment(job.number, "@agent two")
        place.deliver(event, body + b" ")
        assert place.get(later).cancel_requested_by is None


class TestRightsThatShrink:
    pytestmark = pytest.mark.slow

    def test_a_maintainer_who_is_none_any_more(self, place):
        place.rules("allow: {who: maintain}\n")
        boss = place.server.user()
        place.owner.invite(place.repo, boss.login, "admin")
        job = place.asked_in_comment(place.issue(), "@agent do it", by=boss)
        assert job.state == State.QUEUED
        place.owner.invite(place.repo, boss.login, "write")
        launch(place.desk, job.id)
        assert "only maintainers" in place.get(job).error

    def test_rules_that_were_narrowed(self, place):
        job = place.asked()
        place.rules("allow: {kinds: [rebase]}\n")
        launch(place.desk, job.id)
        assert (place.get(job).state, place.launcher.orders) == (State.CANCELLED, [])

    def test_nothing_is_saved_for_who_may_not_ask_any_more(self, place):
        writer = place.server.user()
        place.owner.invite(place.repo, writer.login, "write")
        job = place.launched(place.asked_in_comment(place.issue(), "@agent x", by=writer))
        job = place.handed_in(job, outcome="failed", error="it broke")
        place.owner.api("DELETE", f"/repos/{place.repo}/collaborators/{writer.login}")
        assert place.published(job).state == State.CANCELLED
        assert {one["name"] for one in place.owner.api("GET", f"/repos/{place.repo}/branches")} == {"main"}

    def test_what_was_pushed_before_we_were_killed_is_told(self, place, faulty):
        job = place.handed_in()
        away = ForgeUnavailable("away")
        with pytest.raises(ForgeUnavailable):
            publish(place.with_forge(faulty(place.forge, fail=away, only="create_pull")), job.id)
        place.edit(job.number, state="closed")
        assert place.published(job).state == State.SUCCEEDED

    def test_an_issue_that_is_gone_takes_no_work_along(self, place, faulty):
        job = place.handed_in()
        gone = faulty(place.forge, fail=ForgeNotFound("410", status=410), only="issue")
        publish(place.with_forge(gone), job.id)
        ended = place.get(job)
        assert ended.state == State.CANCELLED
        assert place.branch(ended.report.saved_branch) == ended.result.head_sha

    def test_a_job_from_before_an_update_has_to_be_asked_for_again(self, place):
        job = place.asked()
        place.desk.jobs.change(job.id, pin=None)
        launch(place.desk, job.id)
        assert "Ask again" in place.get(job).error


class TestRulesOfARepository:
    """`allow:` in `.forgehand.yml` of the default branch."""

    def test_maintainers_only(self, place):
        place.rules("allow: {who: maintain}\n")
        writer = place.server.user()
        place.owner.invite(place.repo, writer.login, "write")
        job = place.asked_in_comment(place.issue(), "@agent do it", by=writer)
        assert job.state == State.REFUSED
        assert "only maintainers" in job.error
        assert place.asked_in_comment(job.number, "@agent do it").state == State.QUEUED

    def test_named_accounts_only_and_they_need_the_right_too(self, place):
        named = place.server.user()
        place.rules(f"allow: {{who: [{named.login.upper()}]}}\n")
        number = place.issue()
        assert place.asked_in_comment(number, "@agent do it").state == State.REFUSED
        place.deliver(*place.comment_event(number, place.say(number, "@agent do it", by=named), by=named))
        assert len(place.jobs()) == 1
        place.owner.invite(place.repo, named.login, "write")
        assert place.asked_in_comment(number, "@agent do it", by=named).state == State.QUEUED

    def test_kinds(self, place):
        place.rules("allow: {kinds: [rebase]}\n")
        number = place.pull()
        assert "kind `code`" in place.asked_in_comment(number, "@agent do it").error
        assert place.asked_in_comment(number, "@agent rebase").state == State.QUEUED

    def test_target_branches(self, place):
        place.rules("allow: {targets: ['release/*']}\n")
        assert "the branch `main`" in place.asked_in_comment(place.issue(), "@agent do it").error
        place.owner.write(place.repo, "r.txt", "x", new_branch="release/1")
        place.owner.write(place.repo, "f.txt", "x", branch="release/1", new_branch="fix")
        number = place.owner.pull(place.repo, "fix", "release/1")
        assert place.asked_in_comment(number, "@agent do it").state == State.QUEUED

    def test_another_branch_cannot_widen_them(self, place):
        place.rules("allow: {who: maintain}\n")
        writer = place.server.user()
        place.owner.invite(place.repo, writer.login, "write")
        writer.write(place.repo, ".forgehand.yml", "allow: {who: write}\n", new_branch="lax")
        writer.write(place.repo, "x.txt", "x", branch="lax", new_branch="work")
        number = writer.pull(place.repo, "work", "lax")
        assert place.asked_in_comment(number, "@agent do it", by=writer).state == State.REFUSED

    def test_a_mistake_in_them_refuses_and_says_so(self, place):
        place.rules("allow: {whom: write}\n")
        job = place.asked_in_comment(place.issue(), "@agent do it")
        assert job.state == State.REFUSED
        assert "on the default branch: allow.whom" in job.error
        place.rules("# " + "x" * 70_000)
        assert "no file of at most 65536 bytes" in place.asked_in_comment(job.number, "@agent do it").error


def test_a_secret_of_one_repository_says_nothing_about_another(place):
    number = place.issue()
    place.label(number, "agent")
    place.deliver(*place.label_event(number), repo="somebody/else")
    assert place.jobs() == []
    event, body = place.label_event(number)
    place.deliver(event, body + b" ", repo=place.repo.upper())
    assert place.job().state == State.QUEUED


def test_a_delivery_that_waited_is_judged_by_what_is_so_now(place, faulty):
    """The forge was away when it came; the right was taken back meanwhile."""
    writer = place.server.user()
    place.owner.invite(place.repo, writer.login, "write")
    number = place.issue()
    event, body = place.comment_event(number, place.say(number, "@agent do it", by=writer), by=writer)
    with pytest.raises(ForgeUnavailable):
        place.deliver(event, body, desk=place.with_forge(faulty(place.forge, fail=ForgeUnavailable("away"))))
    place.owner.api("DELETE", f"/repos/{place.repo}/collaborators/{writer.login}")
    (waiting,) = place.desk.deliveries.waiting(older_than_seconds=-1)
    intake(place.desk, waiting)
    assert place.jobs() == []
