"""An empty throw-away repository in which Git can work on another one's objects.

* Nothing of the real repository's configuration counts: no driver, no filter, no setting of a person or an attacker.
* Its refs are its own, so no command that moves refs can move a real one.
"""

from pathlib import Path

from git_ops.process import Git

_CONFIG = "[core]\n\trepositoryFormatVersion = 1\n\tbare = true\n"
_SHA256 = "[extensions]\n\tobjectFormat = sha256\n"
_SHA256_DIGITS = 64


def scratch(folder: Path, *, like: Git | None = None, oid: str = "", objects: Path | None = None) -> Git:
    """Make one in `folder` and return a `Git` bound to it, with time-out and sessions of `like`.

    It reads and writes the object directory `objects` (none: its own), whose kind of ids is seen from `oid`.
    """
    git_dir = folder / "scratch.git"
    (git_dir / "refs" / "heads").mkdir(parents=True)
    (git_dir / "objects").mkdir()
    (git_dir / "HEAD").write_text("ref: refs/heads/none\n")
    (git_dir / "config").write_text(_CONFIG + (_SHA256 if len(oid) == _SHA256_DIGITS else ""))
    git = like or Git()
    return git.replace(
        git_dir=git_dir, work_tree=None, auth=None, allow_protocols=(), object_directory=objects
    )


def set_branch(git: Git, name: str, oid: str) -> str:
    """Put a branch of a scratch repository somewhere; return its full name."""
    _place(git, name).write_text(f"{oid}\n")
    return f"refs/heads/{name}"


def read_branch(git: Git, name: str) -> str:
    """Where a branch of a scratch repository is."""
    return _place(git, name).read_text().strip()


def _place(git: Git, name: str) -> Path:
    if git.git_dir is None or git.git_dir.name != "scratch.git":
        raise ValueError("not a scratch repository")
    return git.git_dir / "refs" / "heads" / name
