"""What `git rebase --autosquash` does to a list of commits: which move where, and what becomes of their messages.

* The rules are those of `todo_list_rearrange_squash` in Git: a commit whose subject starts with `fixup! `, `squash! `
  or `amend! ` goes behind the commit it names, by whole subject, by object id, or by the start of a subject.
* Messages are joined as bytes. Git's own clean-up, which takes lines that start with `#` for comments, is left out.
"""

import dataclasses
import re
from collections.abc import Sequence
from typing import Literal

from git_ops.objects import RawCommit

Verb = Literal["pick", "fixup", "squash", "amend"]
_MARK = re.compile(rb"(fixup|squash|amend)! ")
_MARKS = re.compile(rb"(?:(?:fixup|squash|amend)! *)+")
_OBJECT_NAME = re.compile(rb"[0-9a-f]{4,64}")
_VERBS: dict[bytes, Verb] = {b"fixup": "fixup", b"squash": "squash", b"amend": "amend"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The commit at `index` of the original list, and what is to be done with it."""

    index: int
    verb: Verb


def arrange(commits: Sequence[tuple[str, RawCommit]]) -> list[Move]:
    """The new order: each commit that names an earlier one comes right behind it and what was put there before."""
    subjects = [subject(commit.message) for _, commit in commits]
    after: list[int | None] = [None] * len(commits)
    last: list[int | None] = [None] * len(commits)
    verbs: list[Verb] = ["pick"] * len(commits)
    titles: dict[bytes, int] = {}
    for i, title in enumerate(subjects):
        goal = _goal(i, subjects, titles, [oid for oid, _ in commits])
        mark = _MARK.match(title)
        if goal is None or mark is None:
            titles.setdefault(title, i)
            continue
        verbs[i] = _VERBS[mark[1]]
        behind = goal if (known := last[goal]) is None else known
        after[i], after[behind], last[goal] = after[behind], i, i
    moves = []
    for i, verb in enumerate(verbs):
        at = i if verb == "pick" else None
        while at is not None:
            moves.append(Move(index=at, verb=verbs[at]))
            at = after[at]
    return moves


def folded_message(verb: Verb, message: bytes, addition: bytes) -> bytes:
    """The message of a commit into which one with the message `addition` is folded."""
    if verb == "fixup":
        return message
    if _MARK.match(addition.lstrip()):
        addition = addition.lstrip().partition(b"\n")[2]
    body = addition.strip(b"\n")
    if not body:
        return message
    return body + b"\n" if verb == "amend" else message.rstrip(b"\n") + b"\n\n" + body + b"\n"


def subject(message: bytes) -> bytes:
    """The first paragraph as one line, as Git has it in a to-do list."""
    paragraph = re.split(rb"\n[ \t]*\n", message.strip(), maxsplit=1)[0]
    return b" ".join(line.strip() for line in paragraph.split(b"\n"))


def _goal(i: int, subjects: Sequence[bytes], titles: dict[bytes, int], oids: Sequence[str]) -> int | None:
    """The index of the commit that commit `i` names."""
    mark = _MARKS.match(subjects[i])
    if mark is None:
        return None
    named = subjects[i][mark.end() :]
    if named in titles:
        return titles[named]
    if _OBJECT_NAME.fullmatch(named):
        found = [n for n in range(i) if oids[n].startswith(named.decode())]
        if len(found) == 1:
            return found[0]
    return next((n for n in range(i) if subjects[n].startswith(named)), None)
