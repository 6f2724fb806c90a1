"""One bare repository of the forge, worked on with plain Git and without a work tree.

* Git runs with an argv list, an environment made from nothing, no hooks and a time limit.
* Names that come from outside are only ever full refs or hashes behind `--end-of-options`.
* Every ref is moved by compare-and-set.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

ZERO = "0" * 40
EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""What the first commit is compared with: Git knows this tree by itself."""
TIMEOUT_SECONDS = 60
_OPTIONS = ("core.hooksPath=/dev/null", "gc.auto=0", "receive.autogc=false")
_SERVING = ("uploadpack.allowFilter=true", "uploadpack.allowAnySHA1InWant=true")
_BRANCH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_BAD_BRANCH = re.compile(r"\.\.|//|/\.|\.lock(/|$)|[./]$")


class GitFailed(Exception):
    """Git ended with an exit code that isn't expected; the message is its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    name: str
    email: str
    at: str = ""
    """RFC 3339; empty for a commit that is still to be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a tree: `kind` is `blob`, `tree` or `commit`."""

    mode: str
    kind: str
    sha: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One changed file between two commits."""

    status: str
    path: str
    added: int
    deleted: int


def is_branch_name(name: str) -> bool:
    """Narrower than Git's own rule, on purpose."""
    return len(name) <= 200 and bool(_BRANCH.fullmatch(name)) and not _BAD_BRANCH.search(name)


def environment(home: Path, more: Mapping[str, str]) -> dict[str, str]:
    """What a Git process of the forge may know."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        **more,
    }


def command(*argv: str) -> list[str]:
    """A Git command line with the forge's own options."""
    return ["git", *(part for option in _OPTIONS + _SERVING for part in ("-c", option)), *argv]


@dataclass(frozen=True, slots=True)
class Bare:
    """A bare repository at `path`."""

    path: Path

    def git(
        self,
        *argv: str,
        stdin: bytes = b"",
        ok: tuple[int, ...] = (0,),
        env: Mapping[str, str] = MappingProxyType({}),
    ) -> tuple[int, bytes]:
        """Run Git here; raise `GitFailed` for an exit code that isn't in `ok`."""
        done = subprocess.run(
            command(f"--git-dir={self.path}", *argv),
            input=stdin,
            capture_output=True,
            env=environment(self.path, env),
            timeout=TIMEOUT_SECONDS,
            check=False,
        )
        if done.returncode not in ok:
            raise GitFailed(f"git {argv[0]}: {done.stderr.decode(errors='replace').strip()[-500:]}")
        return done.returncode, done.stdout

    def text(self, *argv: str, stdin: bytes = b"", env: Mapping[str, str] = MappingProxyType({})) -> str:
        return self.git(*argv, stdin=stdin, env=env)[1].decode(errors="replace").strip()

    def create(self, default_branch: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            command("init", "--quiet", "--bare", f"--initial-branch={default_branch}", "--", str(self.path)),
            env=environment(self.path.parent, {}),
            timeout=TIMEOUT_SECONDS,
            check=True,
            capture_output=True,
        )

    def heads(self) -> dict[str, str]:
        """All branches, short name to hash."""
        lines = self.text(
            "for-each-ref", "--format=%(objectname) %(refname:lstrip=2)", "refs/heads"
        ).splitlines()
        return {name: sha for sha, _, name in (line.partition(" ") for line in lines)}

    def refs(self) -> dict[str, str]:
        """All branches and tags, full name to hash; of an annotated tag its own."""
        found = self.text("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")
        return {name: sha for sha, _, name in (line.partition(" ") for line in found.splitlines())}

    def commit_of(self, name: str) -> str | None:
        """The commit that a full ref or a hash names."""
        code, out = self.git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", name + "^{commit}", ok=(0, 1, 128)
        )
        return out.decode().strip() if code == 0 else None

    def find_commit(self, name: str) -> str | None:
        """The commit of a branch, a hash, or a full ref, as people write it in a URL."""
        if re.fullmatch(r"[0-9a-f]{7,64}", name):
            return self.commit_of(name)
        return self.commit_of(f"refs/heads/{name}") if is_branch_name(name) else None

    def move(self, ref: str, new: str, old: str) -> None:
        """Set `ref`; `GitFailed` where it isn't at `old` any more (`ZERO`: where it exists)."""
        self.git("update-ref", "--end-of-options", ref, new, old)

    def log(self, *revisions: str, limit: int = 250) -> list[Commit]:
        """Commits, newest first. `revisions` are hashes, with a leading `^` to leave out."""
        fields = "%H%n%T%n%P%n%an%n%ae%n%aI%n%cn%n%ce%n%cI%n%B"
        out = self.git(
            "log", "-z", f"--max-count={limit}", f"--format={fields}", "--end-of-options", *revisions
        )[1]
        return [_commit(record) for record in out.decode(errors="replace").split("\0") if record]

    def merge_base(self, one: str, other: str) -> str | None:
        code, out = self.git("merge-base", "--end-of-options", one, other, ok=(0, 1))
        return out.decode().strip() if code == 0 else None

    def merged_tree(self, base: str, head: str) -> str | None:
        """The tree of a clean merge; none where the two conflict."""
        code, out = self.git(
            "merge-tree", "--write-tree", "--allow-unrelated-histories", base, head, ok=(0, 1)
        )
        return out.decode().split("\n", 1)[0].strip() if code == 0 else None

    def write_commit(self, tree: str, parents: tuple[str, ...], message: str, who: Person) -> str:
        names = {f"GIT_{role}_{key}" for role in ("AUTHOR", "COMMITTER") for key in ("NAME", "EMAIL")}
        identity = {name: who.name if name.endswith("NAME") else who.email for name in names}
        flags = [flag for parent in parents for flag in ("-p", parent)]
        return self.text("commit-tree", *flags, tree, stdin=message.encode(), env=identity)

    def diff(self, base: str, head: str, path: str = "") -> str:
        """The whole difference, or that of one path."""
        if not self._may_exist(path):
            return ""
        flags = ("--no-ext-diff", "--no-textconv", "--no-color", base, head, "--", *([path] if path else []))
        found = self.git("diff", *flags, env={"GIT_LITERAL_PATHSPECS": "1"})[1]
        return found.decode(errors="replace")

    def blame(self, commit: str, path: str, line: int) -> str | None:
        """The commit that a line of a file comes from; none where there is no such line."""
        if not self._may_exist(path):
            return None
        where = ("-s", "--porcelain", f"-L{line},{line}", commit, "--", path)  # knows no --end-of-options
        code, out = self.git("blame", *where, ok=(0, 128))
        return out.decode(errors="replace").split(" ", 1)[0] if code == 0 else None

    def changes(self, base: str, head: str) -> list[Change]:
        """Changed files; a rename counts as one file deleted and one added."""
        flags = ("-r", "-z", "--no-renames", base, head, "--")
        numbers = self.git("diff-tree", "--numstat", *flags)[1].decode(errors="replace").split("\0")
        states = self.git("diff-tree", "--name-status", *flags)[1].decode(errors="replace").split("\0")
        status_of = dict(zip(states[1::2], states[::2], strict=False))
        parts = [line.split("\t", 2) for line in numbers if line]
        return [
            Change(status=status_of[path], path=path, added=_number(added), deleted=_number(deleted))
            for added, deleted, path in parts
        ]

    @staticmethod
    def _may_exist(path: str) -> bool:
        """Git fails for a path that leads out of the repository, and no argument holds a zero byte."""
        return "\0" not in path and ".." not in path.split("/") and not path.startswith("/")

    def entry(self, commit: str, path: str) -> Entry | None:
        if not self._may_exist(path):
            return None
        found = self._ls(commit, "--", path)
        return found[0] if found else None

    def entries(self, commit: str, path: str = "") -> list[Entry]:
        """What a folder holds; the root where `path` is empty."""
        return self._ls(commit, "--", path.rstrip("/") + "/") if path else self._ls(commit)

    def _ls(self, commit: str, *rest: str) -> list[Entry]:
        out = self.git("ls-tree", "-z", commit, *rest, env={"GIT_LITERAL_PATHSPECS": "1"})[1].decode(
            errors="replace"
        )
        lines = [line.split("\t", 1) for line in out.split("\0") if line]
        heads = [(head.split(" "), path) for head, path in lines]
        return [Entry(mode=head[0], kind=head[1], sha=head[2], path=path) for head, path in heads]

    def blob(self, sha: str) -> bytes:
        return self.git("cat-file", "blob", sha)[1]

    def tree_with(self, commit: str | None, path: str, content: bytes) -> str:
        """The tree of `commit` with one file set; a file that is there keeps its mode."""
        present = self.entry(commit, path) if commit else None
        mode = present.mode if present and present.mode in {"100644", "100755"} else "100644"
        blob = self.text("hash-object", "-w", "--no-filters", "--stdin", stdin=content)
        with tempfile.TemporaryDirectory(prefix="forge-index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            if commit:
                self.git("read-tree", commit, env=index)
            self.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=index)
            return self.text("write-tree", env=index)


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0  # binary files show `-`


def _commit(record: str) -> Commit:
    sha, tree, parents, *people, message = record.split("\n", 9)
    author, committer = people[:3], people[3:]
    return Commit(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        author=Person(name=author[0], email=author[1], at=author[2]),
        committer=Person(name=committer[0], email=committer[1], at=committer[2]),
        message=message,
    )
