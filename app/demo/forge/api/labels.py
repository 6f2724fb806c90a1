"""A repository's labels, and which of them an issue or pull request carries."""

import re
from collections.abc import Iterable

from flask import Response
from pydantic import Field

from app.demo.forge import events, views
from app.demo.forge.api.http import Body, Page, Text, answer, api, empty, parsed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Issue, Label, Repository
from app.demo.forge.refusals import Forbidden, Invalid, Refusal
from app.demo.forge.world import forge

_COLOR = re.compile(r"#?([0-9a-fA-F]{6})")


class NewLabel(Body):
    name: str = Field(min_length=1, max_length=50)
    color: str
    description: Text = ""
    exclusive: bool = False


class LabelsForm(Body):
    labels: tuple[int | str, ...] = ()


@api.get("/repos/<owner>/<name>/labels")
def list_labels(owner: str, name: str) -> Response:
    repo, page = readable(owner, name), Page()
    found = _all_labels(repo)
    return page.answer(
        [views.label(forge(), repo, label) for label in page.of(found)], len(found), link=False
    )


@api.post("/repos/<owner>/<name>/labels")
def create_label(owner: str, name: str) -> Response:
    repo, form = readable(owner, name, Access.WRITE), parsed(NewLabel)
    color = _COLOR.fullmatch(form.color.strip())
    if color is None:
        raise Invalid(f"bad color {form.color!r}: write it as #00aabb")
    label_id = forge().db.run(
        "INSERT INTO labels (repo_id, name, color, description, exclusive) VALUES (?, ?, ?, ?, ?)",
        *(repo.id, form.name, color[1].lower(), form.description, form.exclusive),
    )
    (label,) = known_labels(repo, [label_id])
    return answer(views.label(forge(), repo, label), 201)


def _all_labels(repo: Repository) -> list[Label]:
    return forge().db.rows(Label, "SELECT * FROM labels WHERE repo_id = ? ORDER BY name, id", repo.id)


def known_labels(repo: Repository, wanted: Iterable[int | str]) -> list[Label]:
    """The repository's labels with these ids or names; what it doesn't have is left out, as Gitea does."""
    ids = set(wanted)
    return [label for label in _all_labels(repo) if label.id in ids or label.name in ids]


@api.get("/repos/<owner>/<name>/issues/<int:number>/labels")
def list_issue_labels(owner: str, name: str, number: int) -> Response:
    repo = readable(owner, name)
    return _shown(repo, forge().issue(repo, number))


@api.post("/repos/<owner>/<name>/issues/<int:number>/labels")
def add_issue_labels(owner: str, name: str, number: int) -> Response:
    repo, issue, me = _writable(owner, name, number)
    present = {label.id for label in forge().labels(issue)}
    return _set(repo, issue, me, present | _asked(repo))


@api.put("/repos/<owner>/<name>/issues/<int:number>/labels")
def replace_issue_labels(owner: str, name: str, number: int) -> Response:
    repo, issue, me = _writable(owner, name, number)
    return _set(repo, issue, me, _asked(repo))


@api.delete("/repos/<owner>/<name>/issues/<int:number>/labels")
def clear_issue_labels(owner: str, name: str, number: int) -> Response:
    repo, issue, me = _writable(owner, name, number)
    with forge().db.transaction():
        if forge().labels(issue):
            # told first: what Gitea sends then still has the labels that are being taken off
            events.issue_changed(forge(), repo, issue, me, "label_cleared")
            _put(issue, set())
    return empty()


@api.delete("/repos/<owner>/<name>/issues/<int:number>/labels/<int:label_id>")
def remove_issue_label(owner: str, name: str, number: int, label_id: int) -> Response:
    repo, issue, me = _writable(owner, name, number)
    if not known_labels(repo, [label_id]):
        raise Invalid("label does not exist [label_id: 0]")
    _set(repo, issue, me, {label.id for label in forge().labels(issue)} - {label_id})
    return empty()


def _writable(owner: str, name: str, number: int) -> tuple[Repository, Issue, Account]:
    repo, me = readable(owner, name), caller().signed_in()
    if forge().access(repo, me) < Access.WRITE:
        raise Forbidden("write permission is required")
    return repo, forge().issue(repo, number), me


def _asked(repo: Repository) -> set[int]:
    wanted = parsed(LabelsForm).labels
    if len({type(one) for one in wanted}) > 1:
        raise Refusal("labels should be an array of strings or integers")
    return {label.id for label in known_labels(repo, wanted)}


def _set(repo: Repository, issue: Issue, me: Account, label_ids: set[int]) -> Response:
    """Make these the labels; it is an event only where that changes something."""
    with forge().db.transaction():
        if {label.id for label in forge().labels(issue)} != label_ids:
            _put(issue, label_ids)
            events.issue_changed(forge(), repo, forge().issue_by_id(issue.id), me, "label_updated")
    return _shown(repo, issue)


def _put(issue: Issue, label_ids: set[int]) -> None:
    forge().db.run("DELETE FROM issue_labels WHERE issue_id = ?", issue.id)
    for label_id in sorted(label_ids):
        forge().db.run("INSERT INTO issue_labels (issue_id, label_id) VALUES (?, ?)", issue.id, label_id)
    forge().touch(issue)


def _shown(repo: Repository, issue: Issue) -> Response:
    return answer([views.label(forge(), repo, label) for label in forge().labels(issue)])
