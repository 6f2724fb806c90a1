"""The one door to the git program.

* The environment is built from nothing: no setting of the user, the machine or the caller's shell gets in,
  and every setting by which a repository could make git run a program or talk to someone is forced.
  Settings go in through `GIT_CONFIG_*`, which outranks the repository's own configuration.
* A credential is a header bound to one URL prefix. It travels in the environment, never in argv or a URL.
* Output is bounded, time is bounded, and what is ended is ended with all its children.
* A `Git` may write its objects elsewhere (`object_directory`) and may keep answering processes (`kept`); both travel
  with it through `replace`.
* Paths are literal: no argument is ever read as a pathspec pattern.
"""

import contextlib
import dataclasses
import os
import re
import selectors
import signal
import subprocess
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO

from git_ops.coprocess import Coprocess, Coprocesses
from git_ops.errors import (
    BadName,
    GitError,
    GitTimeout,
    GitTooOld,
    NotARepository,
    OutputTooLarge,
    from_os_error,
    from_stderr,
)
from git_ops.waiting import wait

_PASSED_ON = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH")
"""Where programs and certificates are. No proxy variable: a proxy would read every header."""

_FORCED = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.sshCommand", "false"),
    ("credential.helper", ""),
    ("http.followRedirects", "false"),
    ("http.proxy", ""),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("safe.directory", "*"),
    # What is pushed to us is checked in full. What a forge already holds isn't: one malformed commit on anybody's
    # branch would close the repository for everyone, and nothing of it is ever checked out on the service's side.
    ("receive.fsckObjects", "true"),
    ("fetch.fsckObjects", "false"),
    ("protocol.allow", "never"),
)
_OLD_DEFECTS = ("badTimezone", "missingSpaceBeforeDate", "zeroPaddedFilemode")
"""What old Git versions wrote and well-known histories hold: harmless, and not to be mended."""
_STDERR_BYTES = 64 * 1024
_STDERR_IN_ERRORS = 4_000
_CHUNK = 1 << 16
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")


@dataclasses.dataclass(frozen=True, slots=True)
class HeaderAuth:
    """A whole header line (`Authorization: …`) that is sent to URLs under `url_prefix` and to no others."""

    url_prefix: str
    header: str = dataclasses.field(repr=False)

    def __post_init__(self) -> None:
        if not re.match(r"https?://[^/@\s]+(/\S*)?$", self.url_prefix):
            raise BadName("A credential's URL prefix must be http(s)://host[/path] without a user name")
        if any(ord(c) < 32 for c in self.header) or ":" not in self.header:
            raise BadName("A credential must be one whole header line, such as 'Authorization: token …'")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """What a run of git printed; stderr is only its last 64 KiB."""

    stdout: bytes
    stderr: bytes
    returncode: int


@dataclasses.dataclass(frozen=True, slots=True)
class Git:
    """git with a hardened environment, bound to one repository.

    With `git_dir` nothing is searched for: not in the working directory and not above it. `work_tree` is a
    directory of data; git runs in it, otherwise in `git_dir`.
    """

    git_dir: Path | None = None
    _: dataclasses.KW_ONLY
    work_tree: Path | None = None
    auth: HeaderAuth | None = None
    allow_protocols: tuple[str, ...] = ("http", "https")
    timeout_seconds: float = 120
    object_directory: Path | None = None
    """Where objects are written and first looked for, instead of `git_dir`'s own. See `quarantine.py`."""
    kept: Coprocesses | None = dataclasses.field(default=None, compare=False, repr=False)
    """Where `asking` keeps its processes; none: each question has its own."""

    def replace(self, **changes: object) -> "Git":
        """The same with other settings, `git.replace(auth=…)`."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]  # dataclasses checks the names

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        ok: Collection[int] = (0,),
        timeout_seconds: float | None = None,
        max_output_mib: float = 64,
        env: Mapping[str, str] | None = None,
        source: IO[bytes] | None = None,
        into: IO[bytes] | None = None,
    ) -> Completed:
        """Run `git args…` to its end.

        Raises `GitFailed` or what `errors.from_stderr` makes of it for an exit code outside `ok`, `GitTimeout`, and
        `OutputTooLarge` where stdout is longer than `max_output_mib`. `env` adds variables (`GIT_INDEX_FILE` and the
        like). `source` and `into` are files for more input or output than memory should hold.
        """
        limit = timeout_seconds or self.timeout_seconds
        given = source or (subprocess.DEVNULL if stdin is None else subprocess.PIPE)
        process = self.popen(*args, env=env, stdin=given, stdout=into or subprocess.PIPE)
        try:
            done = _communicate(process, stdin or b"", time.monotonic() + limit, int(max_output_mib * 2**20))
        except TimeoutError as e:
            raise GitTimeout(self._redacted(args), limit) from e
        except OverflowError as e:
            say = f"git {args[0]} printed more than {max_output_mib:g} MiB and was stopped"
            raise OutputTooLarge(say) from e
        finally:
            _end(process)
        if done.returncode not in ok:
            raise self._failure(args, done.returncode, done.stderr)
        return done

    def text(
        self,
        *args: str,
        stdin: bytes | None = None,
        ok: Collection[int] = (0,),
        timeout_seconds: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Standard output as text without its last newline. Bytes that aren't UTF-8 survive (surrogateescape)."""
        done = self.run(*args, stdin=stdin, ok=ok, timeout_seconds=timeout_seconds, env=env)
        return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")

    @contextlib.contextmanager
    def session(self) -> Iterator["Git"]:
        """The same, with processes that are kept from question to question until the end of the `with`."""
        kept = Coprocesses()
        try:
            yield self.replace(kept=kept)
        finally:
            kept.close()

    @contextlib.contextmanager
    def asking(self, *args: str) -> Iterator[Coprocess]:
        """A running `git args…` for one question and its answer; kept for the next one where `kept` is set."""

        def start() -> Coprocess:
            return Coprocess(
                lambda stderr: self.popen(*args, stderr=stderr),
                lambda code, stderr: self._failure(args, code, stderr),
                timeout_seconds=self.timeout_seconds,
            )

        if self.kept is None:
            with start() as one:
                yield one
        else:
            where = (self.git_dir, self.work_tree, self.object_directory)
            with self.kept.using((where, args), start) as one:
                yield one

    def popen(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        stdin: int | IO[bytes] = subprocess.PIPE,
        stdout: int | IO[bytes] = subprocess.PIPE,
        stderr: int | IO[bytes] = subprocess.PIPE,
    ) -> subprocess.Popen[bytes]:
        """Start `git args…` in a process group of its own, for callers that stream. They must end it."""
        place = self.work_tree or self.git_dir or Path("/")
        try:
            return subprocess.Popen(
                ("git", *args),
                env=self.environment() | dict(env or {}),
                cwd=place,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )
        except FileNotFoundError as e:
            if place.is_dir():
                raise GitTooOld from e
            raise NotARepository(f"There is no directory {place.name} here any more") from e
        except NotADirectoryError as e:
            raise NotARepository(f"{place.name} isn't a directory, so it can't be a Git repository") from e
        except OSError as e:  # a path longer than a command line may be, no process or descriptor left
            raise from_os_error(e) from e

    def environment(self) -> dict[str, str]:
        """The whole environment that git gets. Holds the credential where there is one."""
        env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        env.setdefault("PATH", os.defpath)
        env |= {
            "HOME": "/nonexistent",
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "GIT_ALLOW_PROTOCOL": ":".join(self.allow_protocols),
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_GRAFT_FILE": "/nonexistent",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_MERGE_AUTOEDIT": "no",
        }
        if self.git_dir is not None:
            env["GIT_DIR"] = str(self.git_dir)
        if self.object_directory is not None:
            env["GIT_OBJECT_DIRECTORY"] = str(self.object_directory)
        if self.work_tree is not None:
            env["GIT_WORK_TREE"] = str(self.work_tree)
        settings = list(self._settings())
        env["GIT_CONFIG_COUNT"] = str(len(settings))
        for i, (key, value) in enumerate(settings):
            env[f"GIT_CONFIG_KEY_{i}"] = key
            env[f"GIT_CONFIG_VALUE_{i}"] = value
        return env

    def redact(self, text: str) -> str:
        """The text without our credential and without user names or passwords in URLs."""
        if self.auth is not None:
            value = self.auth.header.partition(":")[2].strip()
            for secret in sorted({self.auth.header, value, *value.split()[1:]}, key=len, reverse=True):
                if len(secret) >= 4:
                    text = text.replace(secret, "[hidden]")
        return _USERINFO.sub("[hidden]@", text)

    def _settings(self) -> Iterator[tuple[str, str]]:
        yield from _FORCED
        for protocol in self.allow_protocols:
            yield f"protocol.{protocol}.allow", "always"
        for defect in _OLD_DEFECTS:
            yield f"receive.fsck.{defect}", "ignore"
        if self.work_tree is not None:
            yield "core.bare", "false"
        if self.auth is not None:
            yield f"http.{self.auth.url_prefix}.extraHeader", self.auth.header

    def _failure(self, args: tuple[str, ...], code: int | None, stderr: bytes) -> GitError:
        """The error for an exit code; none is a time-out."""
        argv = self._redacted(args)
        if code is None:
            return GitTimeout(argv, self.timeout_seconds)
        return from_stderr(argv, code, self.redact(stderr.decode("utf-8", "replace"))[-_STDERR_IN_ERRORS:])

    def _redacted(self, args: tuple[str, ...]) -> tuple[str, ...]:
        return ("git", *(self.redact(arg) for arg in args))


def _communicate(process: subprocess.Popen[bytes], stdin: bytes, deadline: float, max_out: int) -> Completed:
    """Feed and read all three pipes at once. Raises TimeoutError and OverflowError, and leaves the ending to `_end`."""
    out, err, unsent = bytearray(), bytearray(), memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        for pipe in filter(None, (process.stdin, process.stdout, process.stderr)):
            os.set_blocking(pipe.fileno(), False)
            event = selectors.EVENT_WRITE if pipe is process.stdin else selectors.EVENT_READ
            selector.register(pipe, event, data=pipe)
        while selector.get_map():
            ready = selector.select(_left(deadline))
            for key, _events in ready:
                source: IO[bytes] = key.data
                if source is process.stdin:
                    unsent = _send(key.fd, unsent)
                    more = bool(unsent)
                else:
                    chunk = os.read(key.fd, _CHUNK)
                    (out if source is process.stdout else err).extend(chunk)
                    more = bool(chunk)
                if not more:
                    selector.unregister(source)
                    source.close()
            if len(out) > max_out:
                raise OverflowError
            del err[:-_STDERR_BYTES]
    return Completed(stdout=bytes(out), stderr=bytes(err), returncode=wait(process, _left(deadline)))


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _send(fd: int, unsent: memoryview) -> memoryview:
    """What is still to be sent. A reader that has gone wants no more."""
    try:
        return unsent[os.write(fd, unsent[:_CHUNK]) :] if unsent else unsent
    except BlockingIOError:
        return unsent
    except BrokenPipeError:
        return unsent[:0]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the whole process group, if any of it is left, and close our ends of the pipes."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):  # it may end between the two lines
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None and not pipe.closed:
            pipe.close()
