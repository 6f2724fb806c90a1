"""Repositories of any size, made in seconds with `git fast-import`."""

import os
import subprocess

ENV = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x",
}
LINES = 60


def git(path, *args, stdin=None):
    """Run git there and return what it prints."""
    done = subprocess.run(("git", *args), cwd=path, env=ENV, input=stdin, capture_output=True, check=True)
    return done.stdout.decode().strip()


def diverged(path, *, files, commits, moved=30):
    """A bare repository in which `work` has `commits` commits and `main` has moved on by `moved`.

    Every commit edits one line in each of three files. One of them is also edited, on another line, by the other side,
    so that contents must be merged in every step. Returns the ids of base, onto and tip.
    """
    path.mkdir(parents=True)
    git(path, "init", "-q", "--bare", "-b", "main")
    git(path, "fast-import", "--quiet", stdin=b"".join(_stream(files, commits, moved)))
    git(path, "repack", "-adq")
    return tuple(git(path, "rev-parse", f"refs/heads/{name}") for name in ("base", "main", "work"))


def _stream(files, commits, moved):
    lines = [[f"file {n} line {i}".encode() for i in range(LINES)] for n in range(files)]
    yield _commit(b"base", None, {n: lines[n] for n in range(files)})
    for branch, count, offset, apart in ((b"main", moved, 0, 1_009), (b"work", commits, LINES // 2, 1_013)):
        texts = {}
        for i in range(count):
            changed = {}
            for k in range(3):
                n = (i % moved * 37 + k * apart) % files
                text = texts.setdefault(n, list(lines[n]))
                text[offset + (i + k) % (LINES // 2 - 5)] += b" " + branch + str(i).encode()
                changed[n] = text
            yield _commit(branch, b"base" if i == 0 else None, changed)


def _commit(branch, parent, changed):
    parts = [b"commit refs/heads/", branch, b"\ncommitter x <x> 1700000000 +0000\ndata 7\nchange\n\n"]
    parts += [b"from refs/heads/", parent, b"\n"] if parent else []
    for n, lines in changed.items():
        text = b"\n".join(lines) + b"\n"
        name = f"part{n % 20}/group{n // 20 % 25}/dir{n // 500 % 40}/file{n}.txt".encode()
        parts += [b"M 644 inline ", name, b"\ndata %d\n" % len(text), text, b"\n"]
    return b"".join(parts) + b"\n"
