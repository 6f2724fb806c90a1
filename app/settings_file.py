"""Changes single settings in a `.env` file and leaves everything else in it as it is: lines, comments, order.

* A reader finds the old file or the new one, never a part: the new one is written beside it, synced and renamed.
* A new one is for its owner alone. One that is there stays its owner's and its group's to read, as it was, since the
  service may be another account; never everybody's: it holds secrets.
* A killed writer leaves at most one other file, which the next one removes.
* What python-dotenv reads from the new text is checked before it counts: an open quote somewhere above never turns a
  new line into something else.
* Two writers wait for each other.
"""

import fcntl
import io
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream

_BOM = "\ufeff"
_HEAD = re.compile(r"\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+)[^\S\r\n]*(=?[^\S\r\n]*)")
_QUOTED = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*\"""", re.DOTALL)
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]+")
_NEVER_WIDER = 0o640

Values = Mapping[str, str]


class SettingsFileError(Exception):
    """The file can't be read or changed; the message says what to do. It is as it was."""


def read(path: Path) -> dict[str, str]:
    """The values in the file by upper-case name; empty where there is no file."""
    return _values(_text(path), path)


def update(path: Path, change: Callable[[Values], Values]) -> frozenset[str]:
    """Set what `change` gives for the present values; answers the names whose values are others now.

    Nothing is written where nothing changes. Raises `SettingsFileError`, and whatever `change` raises.
    """
    target = path.resolve()  # a link stays one
    with _alone(target.parent):
        text = _text(target)
        before = _values(text, target)
        wanted = change(before)
        changed = frozenset(name for name, value in wanted.items() if before.get(name) != value)
        if not changed:
            return changed
        new = _with(text, {name: wanted[name] for name in wanted if name in changed})
        if not _is_changed_as_wished(text, new, {name: wanted[name] for name in changed}, target):
            raise SettingsFileError(
                f"{path} can't be changed safely: a quote in it is opened and never closed; close it and try again"
            )
        _replace(target, new)
    return changed


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsFileError(f"{path} can't be read: {error}") from error


def _is_changed_as_wished(old: str, new: str, values: Values, path: Path) -> bool:
    """Whether python-dotenv finds these values now, and all other lines as they were written."""
    now = _values(new, path)
    as_written = [_values(text, path, interpolate=False) for text in (old, new)]
    others = [{name: one[name] for name in one if name not in values} for one in as_written]
    return others[0] == others[1] and all(now.get(name) == value for name, value in values.items())


def _values(text: str, path: Path, *, interpolate: bool = True) -> dict[str, str]:
    """As the settings read them: line ends unified, names in any letter case, the last line of a name counts."""
    stream = io.StringIO(text.replace("\r\n", "\n").replace("\r", "\n"))
    try:
        found = dotenv_values(stream=stream, interpolate=interpolate)
    except ValueError as error:
        raise SettingsFileError(f"{path} can't be read: {error}") from error
    return {name.upper(): value or "" for name, value in found.items()}


def _with(text: str, values: Values) -> str:
    """The text with these values: in place where a name is there, else at the end."""
    bom, text = (_BOM, text[1:]) if text.startswith(_BOM) else ("", text)
    bindings = list(parse_stream(io.StringIO(text, newline="")))
    last = {one.key.upper(): number for number, one in enumerate(bindings) if one.key}
    parts = [_kept(one, number, last, values) for number, one in enumerate(bindings)]
    new = bom + "".join(parts)
    for name, value in values.items():
        if name not in last:
            new += (
                "" if new in {"", _BOM} or new.endswith(("\n", "\r")) else "\n"
            ) + f"{name}={_quoted(value)}\n"
    return new


def _kept(binding: Binding, number: int, last: Mapping[str, int], values: Values) -> str:
    """One line of the file (or several, with the blank ones before it) as it shall be."""
    line: str = binding.original.string
    name = binding.key.upper() if binding.key else ""
    if name not in values:
        return line
    if number != last[name]:
        # an earlier one never counted, except where the letter case differs, when it may
        return line[: len(line) - len(line.lstrip())]
    head = _HEAD.match(line)
    if head is None:
        raise SettingsFileError(f"the line that sets {name} can't be changed; remove it and try again")
    equals = head.group(1) or "="
    return line[: head.start(1)] + equals + _quoted(values[name]) + _behind(line[head.end() :])


def _behind(rest: str) -> str:
    """What follows the old value: a comment and the line's end."""
    quoted = _QUOTED.match(rest)
    if quoted:
        return rest[quoted.end() :]
    comment = re.search(r"[^\S\r\n]+#|(?<![^\r\n])#|[^\S\r\n]*(?:[\r\n]|$)", rest)
    found = rest[comment.start() :] if comment else ""
    return " " + found if found.startswith("#") else found


def _quoted(value: str) -> str:
    """The value as python-dotenv, Docker Compose and shells read it back."""
    if _PLAIN.fullmatch(value):
        return value
    # dotenv fills in ${…} everywhere, in quotes too; an empty name is never set, so its default is taken
    shown = value.replace("${", "${:-$}{")
    if "\n" in shown or "\r" in shown:
        escaped = shown.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
        return f'"{escaped}"'
    escaped = shown.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one who changes files of settings in this folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise SettingsFileError(f"{folder} can't be used: {error}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
        os.fsync(handle)  # the rename itself reaches the disk, too
    finally:
        os.close(handle)


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(
        f"{path.name}.forgehand"
    )  # always the same: `_alone`, whatever is there is left over
    try:
        beside.unlink(missing_ok=True)
        # O_EXCL: what somebody else puts there would be theirs to read
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise SettingsFileError(
            f"{path} can't be written: {beside.name} beside it: {error.strerror}"
        ) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            with suppress(FileNotFoundError):
                old = path.stat()
                os.fchown(handle, old.st_uid, old.st_gid)
                os.fchmod(handle, stat.S_IMODE(old.st_mode) & _NEVER_WIDER)
            os.fsync(handle)
        beside.rename(path)
    except OSError as error:
        raise SettingsFileError(f"{path} can't be written: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
