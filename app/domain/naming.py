"""Names made from people's words: branches, commit subjects, titles. The results are safe for Git."""

import re
import unicodedata

_CI_SKIP = re.compile(
    r"\[(?:skip ci|ci skip|no ci|skip actions|actions skip)\]|\*\*\*NO_CI\*\*\*", re.IGNORECASE
)
MAX_SUBJECT = 72


def one_line(text: str, limit: int) -> str:
    """`text` on one line: control, invisible and bidi characters gone, white space folded, cut to `limit`."""
    kept = "".join(
        " " if ch.isspace() else ch for ch in text if ch.isspace() or unicodedata.category(ch)[0] != "C"
    )
    folded = " ".join(kept.split())
    return folded if len(folded) <= limit else folded[: limit - 1].rstrip() + "…"


def commit_subject(title: str, number: int | None) -> str:
    """The subject of the work's commit; nothing in it can skip the forge's CI."""
    tail = f" (#{number})" if number is not None else ""
    line = one_line(title, 10_000)
    while (cleaned := one_line(_CI_SKIP.sub("", line), 10_000)) != line:
        line = cleaned  # what stood around a mark may be one now
    subject = one_line(line, MAX_SUBJECT - len(tail)).lstrip("-# ")
    return (subject or "Work on the request") + tail
