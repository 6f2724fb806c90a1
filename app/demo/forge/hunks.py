"""The piece of a diff that a comment on a line is shown under, cut as Gitea cuts it."""

import re

LINES = 4
"""How many lines of a longer hunk are shown: the last ones."""
_HEADER = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def around(diff: str, line: int, *, old: bool) -> str:
    """The hunk of a one-file diff up to `line` of the old or the new file; empty where the diff hasn't got it."""
    counted = " -" if old else " +"
    rows = diff.split("\n")
    for start, row in enumerate(rows):
        header = _HEADER.match(row)
        if header is None:
            continue
        begins = int(header[1 if old else 3])
        if not begins <= line <= begins + int(header[2 if old else 4] or 0):
            continue
        taken: list[str] = []
        for one in rows[start + 1 :]:
            if begins > line or one.startswith("@@"):
                break
            taken.append(one)
            begins += one[:1] in counted and one != ""
        return "\n".join(_cut(row, header, taken))
    return ""


def _cut(row: str, header: re.Match[str], taken: list[str]) -> list[str]:
    """The last lines, under a header that counts them."""
    if len(taken) <= LINES:
        return [row, *taken]
    left, shown = taken[:-LINES], taken[-LINES:]
    numbers = [
        number
        for sign, first in ((" -", header[1]), (" +", header[3]))
        for number in (int(first) + _count(left, sign), _count(shown, sign))
    ]
    return ["@@ -{},{} +{},{} @@".format(*numbers), *shown]


def _count(rows: list[str], signs: str) -> int:
    return sum(row[:1] in signs for row in rows if row)
