"""What every forge adapter promises about issues, comments, reactions and labels, asked of a real forge over HTTP."""

import time
from dataclasses import replace

import pytest

from app.forges.port import ForgeNotFound
from tests.contract.conftest import Scene, account
from tests.support.forge import Person

pytestmark = pytest.mark.slow


def put_on(person: Person, repo: str, number: int, *names: str) -> None:
    known = {one["name"]: one["id"] for one in person.api("GET", f"/repos/{repo}/labels")}
    labels = [known[name] for name in names]
    person.api("POST", f"/repos/{repo}/issues/{number}/labels", {"labels": labels})


def take_off(person: Person, repo: str, number: int, name: str) -> None:
    known = {one["name"]: one["id"] for one in person.api("GET", f"/repos/{repo}/labels")}
    person.api("DELETE", f"/repos/{repo}/issues/{number}/labels/{known[name]}")


def test_an_issue(scene: Scene):
    number = scene.owner.issue(scene.repo, "A <title>", "Two\nlines & ünicode")
    found = scene.forge.issue(scene.repo, number)
    assert (found.number, found.title, found.body) == (number, "A <title>", "Two\nlines & ünicode")
    assert (found.author.login, found.labels, found.is_open, found.is_pull) == (
        scene.owner.login,
        frozenset(),
        True,
        False,
    )
    assert found.url.endswith(f"/{scene.repo}/issues/{number}")


def test_an_issue_without_text_that_is_closed(scene: Scene):
    number = scene.owner.issue(scene.repo)
    scene.owner.api("PATCH", f"/repos/{scene.repo}/issues/{number}", {"state": "closed"})
    found = scene.forge.issue(scene.repo, number)
    assert (found.body, found.is_open) == ("", False)


def test_an_issue_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.issue(scene.repo, 99999)


def test_comments_are_made_edited_and_listed(scene: Scene):
    number = scene.owner.issue(scene.repo)
    assert scene.forge.comments(scene.repo, number) == []
    first = scene.forge.create_comment(scene.repo, number, "one <!-- marker -->")
    scene.owner.api("POST", f"/repos/{scene.repo}/issues/{number}/comments", {"body": "two"})
    for _ in range(2):
        scene.forge.edit_comment(scene.repo, first.id, "one, edited")
    found = scene.forge.comments(scene.repo, number)
    assert [(one.body, one.author.login) for one in found] == [
        ("one, edited", scene.bot.login),
        ("two", scene.owner.login),
    ]
    assert found[0] == replace(first, body="one, edited")
    assert f"/{scene.repo}/issues/{number}#" in first.url


def test_many_comments_come_complete_and_in_order(scene: Scene):
    number = scene.owner.issue(scene.repo)
    for count in range(55):
        scene.owner.api("POST", f"/repos/{scene.repo}/issues/{number}/comments", {"body": f"no {count}"})
    assert [one.body for one in scene.forge.comments(scene.repo, number)] == [f"no {n}" for n in range(55)]


def test_a_comment_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.edit_comment(scene.repo, 99999999, "x")


def test_reacting_twice_is_once(scene: Scene):
    number = scene.owner.issue(scene.repo)
    comment = scene.forge.create_comment(scene.repo, number, "hello")
    for _ in range(2):
        scene.forge.react(scene.repo, number, "eyes")
        scene.forge.react(scene.repo, number, "rocket", comment_id=comment.id)
    issue = scene.owner.api("GET", f"/repos/{scene.repo}/issues/{number}/reactions")
    on_comment = scene.owner.api("GET", f"/repos/{scene.repo}/issues/comments/{comment.id}/reactions")
    assert [one["content"] for one in issue] == ["eyes"]
    assert [one["content"] for one in on_comment] == ["rocket"]


@pytest.mark.parametrize("reaction", ["eyes", "+1", "-1", "confused", "rocket"])
def test_every_reaction_of_the_port_is_known(scene: Scene, reaction):
    number = scene.owner.issue(scene.repo)
    scene.forge.react(scene.repo, number, reaction)
    (found,) = scene.owner.api("GET", f"/repos/{scene.repo}/issues/{number}/reactions")
    assert found["content"] == reaction


def test_labels_go_on_and_off_and_twice_is_once(scene: Scene):
    number = scene.owner.issue(scene.repo)
    for _ in range(2):
        scene.forge.add_label(scene.repo, number, "agent")
    scene.forge.add_label(scene.repo, number, "other")
    assert scene.forge.issue(scene.repo, number).labels == {"agent", "other"}
    for _ in range(2):
        scene.forge.remove_label(scene.repo, number, "agent")
    assert scene.forge.issue(scene.repo, number).labels == {"other"}


def test_a_label_that_the_repository_lacks(scene: Scene):
    number = scene.owner.issue(scene.repo)
    scene.forge.remove_label(scene.repo, number, "no such label")
    with pytest.raises(ForgeNotFound):
        scene.forge.add_label(scene.repo, number, "no such label")


def test_a_label_on_a_later_page(scene: Scene):
    repo = scene.owner.repo()
    scene.owner.invite(repo, scene.bot.login, "write")
    for count in range(60):
        scene.owner.label(repo, f"label {count:02}")
    number = scene.owner.issue(repo)
    scene.forge.add_label(repo, number, "label 59")
    assert scene.forge.issue(repo, number).labels == {"label 59"}


def test_who_put_a_label_on_last(server, scene: Scene):
    number, other = scene.owner.issue(scene.repo), server.user()
    scene.owner.invite(scene.repo, other.login, "write")
    started = time.time() - 5
    assert scene.forge.labelled(scene.repo, number, "agent") is None
    put_on(scene.owner, scene.repo, number, "agent", "other")
    first = scene.forge.labelled(scene.repo, number, "agent")
    assert first is not None
    assert first.actor == account(scene.owner)
    assert started < first.at < time.time() + 5
    take_off(scene.owner, scene.repo, number, "agent")
    assert scene.forge.labelled(scene.repo, number, "agent") is None
    put_on(other, scene.repo, number, "agent")
    again = scene.forge.labelled(scene.repo, number, "agent")
    assert again is not None
    assert again.actor == account(other)
    assert again.event_id != first.event_id
    assert scene.forge.labelled(scene.repo, number, "agent", since=again.at) == again
    assert scene.forge.labelled(scene.repo, number, "agent", since=time.time() + 3600) in {again, None}
    beside = scene.forge.labelled(scene.repo, number, "other")
    assert beside is not None
    assert beside.actor == account(scene.owner)


def test_a_label_on_and_off_within_a_second(scene: Scene):
    number, seen = scene.owner.issue(scene.repo), set()
    for _ in range(4):
        put_on(scene.owner, scene.repo, number, "agent")
        found = scene.forge.labelled(scene.repo, number, "agent")
        assert found is not None
        seen.add(found.event_id)
        take_off(scene.owner, scene.repo, number, "agent")
        assert scene.forge.labelled(scene.repo, number, "agent") is None
    assert len(seen) == 4


def test_a_label_that_an_issue_was_opened_with(scene: Scene):
    label = next(
        one["id"] for one in scene.owner.api("GET", f"/repos/{scene.repo}/labels") if one["name"] == "agent"
    )
    form = {"title": "With a label", "labels": [label]}
    number = scene.owner.api("POST", f"/repos/{scene.repo}/issues", form)["number"]
    found = scene.forge.labelled(scene.repo, number, "agent")
    assert found is not None
    assert found.actor == account(scene.owner)


def test_a_label_behind_a_long_conversation(scene: Scene):
    number = scene.owner.issue(scene.repo)
    for count in range(55):
        scene.owner.api("POST", f"/repos/{scene.repo}/issues/{number}/comments", {"body": f"no {count}"})
    put_on(scene.owner, scene.repo, number, "agent")
    found = scene.forge.labelled(scene.repo, number, "agent")
    assert found is not None
    assert found.actor == account(scene.owner)


def test_a_label_on_a_pull_request(scene: Scene):
    scene.branch("feature-label")
    number = scene.owner.pull(scene.repo, "feature-label")
    put_on(scene.owner, scene.repo, number, "agent")
    found = scene.forge.labelled(scene.repo, number, "agent")
    assert found is not None
    assert found.actor == account(scene.owner)


def test_a_label_whose_giver_is_gone(server, scene: Scene):
    number, leaver = scene.owner.issue(scene.repo), server.user()
    scene.owner.invite(scene.repo, leaver.login, "write")
    put_on(leaver, scene.repo, number, "agent")
    server.admin.api("DELETE", f"/admin/users/{leaver.login}")
    found = scene.forge.labelled(scene.repo, number, "agent")
    assert found is None or scene.forge.standing(scene.repo, found.actor).permission == "none"


@pytest.mark.usefixtures("quick_retries")
def test_a_label_of_an_issue_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.labelled(scene.repo, 99999, "agent")


def test_one_comment(scene: Scene):
    number, other = scene.owner.issue(scene.repo), scene.owner.issue(scene.repo)
    made = scene.forge.create_comment(scene.repo, number, "one")
    assert scene.forge.comment(scene.repo, number, made.id) == made
    assert scene.forge.comment(scene.repo, other, made.id) is None
    assert scene.forge.comment(scene.repo, number, 99999999) is None
    scene.owner.api("PATCH", f"/repos/{scene.repo}/issues/comments/{made.id}", {"body": "edited"})
    assert scene.forge.comment(scene.repo, number, made.id) == replace(made, body="edited")
    scene.owner.api("DELETE", f"/repos/{scene.repo}/issues/comments/{made.id}")
    assert scene.forge.comment(scene.repo, number, made.id) is None


def test_one_comment_on_a_pull_request(scene: Scene):
    scene.branch("feature-comment")
    number = scene.owner.pull(scene.repo, "feature-comment")
    made = scene.forge.create_comment(scene.repo, number, "one")
    assert scene.forge.comment(scene.repo, number, made.id) == made
    assert scene.forge.comments(scene.repo, number) == [made]


def test_a_comment_of_another_repository(scene: Scene):
    elsewhere = scene.new_repo()
    number = scene.owner.issue(elsewhere)
    made = scene.forge.create_comment(elsewhere, number, "one")
    here = scene.owner.issue(scene.repo)
    for wrong in {number, here}:
        assert scene.forge.comment(scene.repo, wrong, made.id) is None


def test_a_comment_in_a_repository_that_is_not_there(scene: Scene):
    with pytest.raises(ForgeNotFound):
        scene.forge.comment(f"{scene.owner.login}/nothing", 1, 1)


def test_the_comments_since_then(scene: Scene):
    number = scene.owner.issue(scene.repo)
    made = scene.forge.create_comment(scene.repo, number, "one")
    assert scene.forge.comments(scene.repo, number, since=time.time() - 60) == [made]
    assert scene.forge.comments(scene.repo, number, since=time.time() + 3600) == []
