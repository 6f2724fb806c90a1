"""Values as plain JSON: safe to print, whatever a repository put into them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from git_ops.objects import show_path


def plain(value: Any) -> Any:
    """Dataclasses to dicts, sequences to lists, every text printable (line feeds and tabs are kept)."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list, frozenset)):
        return [plain(item) for item in value]
    return printable(value) if isinstance(value, str) else value


def printable(text: str) -> str:
    """The text with control, direction and broken characters as escapes; lines stay lines."""
    return "\n".join("\t".join(show_path(cell) for cell in line.split("\t")) for line in text.split("\n"))
