"""Bytes as text that a model can read and that turns back into the same bytes.

* Printable characters stand for themselves, in UTF-8 or, for files that plainly aren't UTF-8, in Latin-1.
* Every other byte, and what could be mistaken for such an escape, is `⟦XX⟧` with two hexadecimal digits.
* A line is what ends with a line feed; a lone carriage return is a byte like any other.
"""

import dataclasses
import re
from typing import Literal

from git_ops.conflict import Conflict

_OPEN = "⟦"
_ESCAPED = re.compile("⟦([0-9A-F]{2})⟧")
_SURROGATE = re.compile("[\udc80-\udcff]")


@dataclasses.dataclass(frozen=True, slots=True)
class Codec:
    """`read(show(data)) == data` for all bytes."""

    charset: Literal["utf-8", "latin-1"]

    def show(self, data: bytes) -> str:
        """The text for a model."""
        text = data.decode(self.charset, "surrogateescape")
        return "\n".join(self._show_line(line) for line in text.split("\n"))

    def read(self, text: str) -> bytes:
        """The bytes that a text stands for. Raises UnicodeEncodeError for a character that the charset lacks."""
        pieces = _ESCAPED.split(text)
        plain = [piece.encode(self.charset) for piece in pieces[::2]]
        escaped = [bytes([int(digits, 16)]) for digits in pieces[1::2]]
        return b"".join(a + b for a, b in zip(plain, [*escaped, b""], strict=True))

    def _show_line(self, line: str) -> str:
        if _OPEN not in line and line.replace("\t", "").isprintable():
            return line
        return "".join(c if c == "\t" or (c.isprintable() and c != _OPEN) else self._escape(c) for c in line)

    def _escape(self, char: str) -> str:
        return "".join(f"⟦{byte:02X}⟧" for byte in char.encode(self.charset, "surrogateescape"))


def codec_of(conflict: Conflict) -> Codec:
    """UTF-8 for valid UTF-8 and for texts with more of it than of other bytes; else Latin-1."""
    sides = (conflict.base, conflict.target, conflict.agent)
    texts = [side.content.decode("utf-8", "surrogateescape") for side in sides if side and side.content]
    broken = sum(len(_SURROGATE.findall(text)) for text in texts)
    if not broken:
        return Codec("utf-8")
    beyond_ascii = sum(not char.isascii() for text in texts for char in text)
    return Codec("utf-8" if beyond_ascii - broken > broken else "latin-1")


def lines_of(text: bytes) -> list[bytes]:
    """The lines with their ends. The last one may have none."""
    return re.findall(rb"[^\n]*\n|[^\n]+", text)


def without_end(line: bytes) -> bytes:
    """The line without its one line end."""
    return line.removesuffix(b"\n").removesuffix(b"\r") if line.endswith(b"\n") else line


def visible(text: bytes) -> str:
    """What people wrote, for reading only: broken bytes are replaced, hidden characters shown."""
    return Codec("utf-8").show(text.decode("utf-8", "replace").encode())


def shorten(text: str, limit: int) -> str:
    """The text, or its beginning and end with a word about what is left out."""
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 3 // 4], text[len(text) - limit // 4 :]
    return f"{head}\n[… {len(text) - len(head) - len(tail)} characters left out …]\n{tail}"
