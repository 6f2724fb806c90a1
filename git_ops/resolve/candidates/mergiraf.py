"""The structured merge of `mergiraf`, where that is installed.

* It runs on three files in a throw-away directory, with an environment of its own and a time limit. What it exits with
  other than 0, or prints beyond reason, is no proposal.
* It is asked for whole files; only what it puts in place of the hunks is used.
"""

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from git_ops.conflict import Conflict
from git_ops.resolve.candidates.placing import texts_of

_TIMEOUT_SECONDS = 10
_MAX_FACTOR = 4
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,80}")


class Mergiraf:
    """See the module's docstring."""

    name = "mergiraf"
    family = "structure"

    def propose(self, conflict: Conflict) -> Mapping[str, bytes]:
        """Its text for every hunk, or nothing."""
        program = executable()
        name = conflict.path.rpartition("/")[2]  # it tells the language by the name
        if program is None or not _NAME.fullmatch(name):
            return {}
        sides = (conflict.base, conflict.target, conflict.agent)
        contents = [b"" if side is None else side.content for side in sides]
        if any(content is None for content in contents):
            return {}
        merged = _run(program, name, [content or b"" for content in contents])
        return {} if merged is None else texts_of(conflict, merged)


@cache
def executable() -> str | None:
    """Where it is, looked up once."""
    return shutil.which("mergiraf")


def _run(program: str, name: str, contents: list[bytes]) -> bytes | None:
    """What it makes of base, target and agent; none where it doesn't settle everything."""
    with tempfile.TemporaryDirectory(prefix="git-mergiraf-") as folder:
        places = []
        for role, content in zip(("base", "left", "right"), contents, strict=True):
            place = Path(folder) / role / name
            place.parent.mkdir()
            place.write_bytes(content)
            places.append(str(place))
        try:
            done = subprocess.run(
                (program, "merge", *places),
                env={"PATH": os.environ.get("PATH", os.defpath), "HOME": folder, "LC_ALL": "C"},
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    reasonable = len(done.stdout) <= _MAX_FACTOR * sum(map(len, contents)) + 1024
    return done.stdout if done.returncode == 0 and reasonable else None
