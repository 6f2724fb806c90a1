"""A repository's labels, and which of them an issue or pull request carries."""

import re
from collections.abc import Iterable
from typing import Any

from flask import Response
from pydantic import Field

from app.demo.forge import events, timeline, views
from app.demo.forge.api.http import Body, Page, Text, answer, api, empty, parsed
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Issue, Label, Repository, Unit
from app.demo.forge.refusals import Invalid, NotFound, Refusal, Silent
from app.demo.forge.world import forge

_COLOR = re.compile(r"[0-9a-f]{6}|[0-9a-f]{3}")


class NewLabel(Body):
    name: str = Field(min_length=1)
    color: str = Field(min_length=1)
    description: Text = ""
    exclusive: bool = False
    is_archived: bool = False


class LabelEdit(Body):
    """What to change; what is none stays, but for `is_archived`, which Gitea sets either way."""

    name: str | None = None
    color: str | None = None
    description: str | None = None
    exclusive: bool | None = None
    is_archived: bool = False


class LabelsForm(Body):
    labels: tuple[Any, ...] | None = None


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
    color = _color("#" + form.color.strip().removeprefix("#"))
    label_id = forge().db.run(
        "INSERT INTO labels (repo_id, name, color, description, exclusive, archived) VALUES (?, ?, ?, ?, ?, ?)",
        *(
            repo.id,
            form.name,
            color,
            form.description,
            form.exclusive,
            form.is_archived,
        ),
    )
    return answer(views.label(forge(), repo, _label(repo, label_id)), 201)


@api.get("/repos/<owner>/<name>/labels/<int:label_id>")
def get_label(owner: str, name: str, label_id: int) -> Response:
    repo = readable(owner, name)
    return answer(views.label(forge(), repo, _label(repo, label_id)))


@api.patch("/repos/<owner>/<name>/labels/<int:label_id>")
def edit_label(owner: str, name: str, label_id: int) -> Response:
    repo, form = readable(owner, name, Access.WRITE), parsed(LabelEdit)
    old = _label(repo, label_id)
    forge().db.run(
        "UPDATE labels SET name = ?, color = ?, description = ?, exclusive = ?, archived = ? WHERE id = ?",
        *(form.name or old.name, _color(form.color) if form.color is not None else old.color),
        old.description if form.description is None else form.description,
        old.exclusive if form.exclusive is None else form.exclusive,
        *(form.is_archived, old.id),
    )
    return answer(views.label(forge(), repo, _label(repo, label_id)))


@api.delete("/repos/<owner>/<name>/labels/<int:label_id>")
def delete_label(owner: str, name: str, label_id: int) -> Response:
    """Takes it off everything, and what is told of it from every timeline. One that isn't there is no error."""
    repo = readable(owner, name, Access.WRITE)
    with forge().db.transaction():
        for label in known_labels(repo, [label_id]):
            forge().db.run("DELETE FROM issue_labels WHERE label_id = ?", label.id)
            forge().db.run("DELETE FROM comments WHERE label_id = ?", label.id)
            forge().db.run("DELETE FROM labels WHERE id = ?", label.id)
    return empty()


def _color(text: str) -> str:
    """Six hex digits; raise `Invalid` for what is no colour."""
    digits = text.strip().lower().removeprefix("#")
    if not _COLOR.fullmatch(digits):
        raise Invalid(f"bad color code: {text}")
    return digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)


def _label(repo: Repository, label_id: int) -> Label:
    for label in known_labels(repo, [label_id]):
        return label
    raise NotFound


def _all_labels(repo: Repository) -> list[Label]:
    return forge().db.rows(Label, "SELECT * FROM labels WHERE repo_id = ? ORDER BY name, id", repo.id)


def known_labels(repo: Repository, wanted: Iterable[object]) -> list[Label]:
    """The repository's labels with these ids or names; what it doesn't have is left out, as Gitea does."""
    ids = set(wanted)
    return [label for label in _all_labels(repo) if label.id in ids or label.name in ids]


@api.get("/repos/<owner>/<name>/issues/<int:number>/labels")
def list_issue_labels(owner: str, name: str, number: int) -> Response:
    repo = readable(owner, name, unit=Unit.EITHER)
    return _shown(repo, forge().issue(repo, number))


@api.post("/repos/<owner>/<name>/issues/<int:number>/labels")
def add_issue_labels(owner: str, name: str, number: int) -> Response:
    repo, issue, me, asked = _asked(owner, name, number)
    present = {label.id for label in forge().labels(issue)}
    return _set(repo, issue, me, present | asked)


@api.put("/repos/<owner>/<name>/issues/<int:number>/labels")
def replace_issue_labels(owner: str, name: str, number: int) -> Response:
    return _set(*_asked(owner, name, number))


@api.delete("/repos/<owner>/<name>/issues/<int:number>/labels")
def clear_issue_labels(owner: str, name: str, number: int) -> Response:
    repo, issue, me = _writable(owner, name, number)
    with forge().db.transaction():
        if forge().labels(issue):
            # told first: what Gitea sends then still has the labels that are being taken off
            events.issue_changed(forge(), repo, issue, me, "label_cleared")
            _put(issue, me, set())
    return empty()


@api.delete("/repos/<owner>/<name>/issues/<int:number>/labels/<int:label_id>")
def remove_issue_label(owner: str, name: str, number: int, label_id: int) -> Response:
    repo, issue, me = _writable(owner, name, number)
    if not known_labels(repo, [label_id]):
        raise Invalid("label does not exist [label_id: 0]")
    _set(repo, issue, me, {label.id for label in forge().labels(issue)} - {label_id})
    return empty()


def _writable(owner: str, name: str, number: int) -> tuple[Repository, Issue, Account]:
    repo, me = readable(owner, name, unit=Unit.EITHER), caller().signed_in()
    issue = forge().issue(repo, number)
    if forge().access(repo, me) < Access.WRITE:
        raise Silent(403)
    return repo, issue, me


def _asked(owner: str, name: str, number: int) -> tuple[Repository, Issue, Account, set[int]]:
    """Whose labels are to change, by whom, and the ids of those that the body names."""
    readable(owner, name, unit=Unit.EITHER)
    caller().signed_in()
    named = parsed(LabelsForm).labels or ()
    wanted = [one for one in named if isinstance(one, int | str) and not isinstance(one, bool)]
    repo, issue, me = _writable(owner, name, number)
    if len({isinstance(one, str) for one in wanted}) > 1:
        raise Refusal("labels should be an array of strings or integers")
    return repo, issue, me, {label.id for label in known_labels(repo, wanted)}


def _set(repo: Repository, issue: Issue, me: Account, label_ids: set[int]) -> Response:
    """Make these the labels; it is an event only where that changes something."""
    with forge().db.transaction():
        if {label.id for label in forge().labels(issue)} != label_ids:
            _put(issue, me, label_ids)
            events.issue_changed(forge(), repo, forge().issue_by_id(issue.id), me, "label_updated")
    return _shown(repo, issue)


def _put(issue: Issue, me: Account, label_ids: set[int]) -> None:
    present = {label.id for label in forge().labels(issue)}
    added, removed = sorted(label_ids - present), sorted(present - label_ids)
    forge().put_labels(issue, label_ids)
    timeline.labelled(forge(), issue, me, on=added, off=removed)


def _shown(repo: Repository, issue: Issue) -> Response:
    return answer([views.label(forge(), repo, label) for label in forge().labels(issue)])
