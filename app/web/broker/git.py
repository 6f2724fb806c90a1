"""Git over smart HTTP from the mirror: a runner reads all of its one repository and writes one ref.

The protocol is https://git-scm.com/docs/http-protocol, served by Git's own `upload-pack` and `receive-pack`.
Before a push reaches Git its command list is read here: anything but the attempt's own quarantine ref is
refused whole. Git then checks every object, bounds the pack, and runs no hook. Other jobs' refs are hidden.
"""

import os
import re
import signal
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, NoReturn

from flask import Blueprint, Response, abort, request, stream_with_context

from app.domain.job import Job
from app.jobs.desk import Desk
from app.telemetry import logs, metrics
from app.web.auth import job_of_runner
from git_ops import GitError, Mirror

_CHUNK = 1 << 16
_NEGOTIATION_BYTES = 16 * 1024 * 1024
"""A fetch request: only the lists of what is wanted and there."""
_COMMAND = re.compile(rb"[0-9a-f]{40,64} (?P<new>[0-9a-f]{40,64}) (?P<ref>[^\x00\n ]+)(?:\x00[^\n]*)?\n?")
_LENGTH = re.compile(rb"[0-9a-f]{4}")
_NO_CACHE = {"Cache-Control": "no-cache"}
_SERVICES = ("git-upload-pack", "git-receive-pack")


def add_routes(door: Blueprint, desk: Desk) -> None:
    """`/broker/git/…`, the three routes of the protocol."""

    @door.get("/git/info/refs")
    def advertise() -> Response:
        job = job_of_runner(desk.attempts)
        service = request.args.get("service", "")
        if service not in _SERVICES:
            _refuse(403, "only the smart HTTP protocol is served")
        mirror = desk.mirror_of(job)
        if service == "git-upload-pack":
            try:
                mirror.fetch(job.target_branch, job.branch)  # what a runner reads is the forge's newest
            except GitError as error:
                _refuse(503, f"the forge can't be read now: {error.user_message}")
        metrics.BROKER_REQUESTS.labels(door="git", outcome="advertised").inc()
        v2 = "version=2" in request.headers.get("Git-Protocol", "") and service == "git-upload-pack"
        head = b"" if v2 else _pkt(f"# service={service}\n".encode()) + b"0000"
        return _serve(mirror, job, service, "--advertise-refs", head=head, kind="advertisement")

    @door.post("/git/git-upload-pack")
    def fetch() -> Response:
        job = job_of_runner(desk.attempts)
        with _body(_NEGOTIATION_BYTES) as body:
            return _serve(desk.mirror_of(job), job, "git-upload-pack", body=body)

    @door.post("/git/git-receive-pack")
    def push() -> Response:
        job = job_of_runner(desk.attempts)
        limit = desk.settings.max_pack_mib * 1024 * 1024
        with _body(limit) as body:
            foreign = [ref for ref in _pushed_refs(body) if ref != job.quarantine_ref.encode()]
            if foreign:
                logs.get().warning(
                    "runner_push_refused", job=job.id, attempt=job.attempt, ref=repr(foreign[0][:200])
                )
                metrics.BROKER_REQUESTS.labels(door="git", outcome="refused").inc()
                _refuse(403, f"this attempt may push {job.quarantine_ref} and nothing else")
            job_of_runner(desk.attempts)  # the body may have taken longer than the attempt lasted
            metrics.BROKER_REQUESTS.labels(door="git", outcome="pushed").inc()
            return _serve(desk.mirror_of(job), job, "git-receive-pack", body=body, limit=limit)


def _serve(
    mirror: Mirror,
    job: Job,
    service: str,
    *flags: str,
    head: bytes = b"",
    body: IO[bytes] | None = None,
    kind: str = "result",
    limit: int = 0,
) -> Response:
    """Run one Git service on the mirror and stream what it says."""
    hide = (
        "-c",
        "transfer.hideRefs=refs/forgehand",
        "-c",
        f"transfer.hideRefs=!refs/forgehand/jobs/{job.id}",
    )
    bounds = (
        "-c",
        f"receive.maxInputSize={limit}",
        "-c",
        "receive.fsckObjects=true",
    )
    protocol = {"GIT_PROTOCOL": "version=2"} if "version=2" in request.headers.get("Git-Protocol", "") else {}
    process = mirror.git.popen(
        *(*hide, *bounds, service.removeprefix("git-"), "--stateless-rpc", *flags, str(mirror.git.git_dir)),
        env=protocol,
        stdin=body or subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def answer() -> Iterator[bytes]:
        assert process.stdout is not None  # noqa: S101 -- popen's default is a pipe
        with process:
            try:
                yield head
                while chunk := process.stdout.read1(_CHUNK):  # type: ignore[attr-defined]  # a BufferedReader
                    yield chunk
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # with the helpers that it started

    return Response(
        stream_with_context(answer()), mimetype=f"application/x-{service}-{kind}", headers=_NO_CACHE
    )


@contextmanager
def _body(limit: int) -> Iterator[IO[bytes]]:
    """The request's body in an anonymous file, unzipped; 413 where it is longer than `limit`.

    A Git process that was given the file reads on after the block.
    """
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16) if request.content_encoding == "gzip" else None
    size = 0
    # unbuffered: the Git process reads on from the file's real position
    with tempfile.TemporaryFile(buffering=0) as spool:
        while chunk := request.stream.read(_CHUNK):
            try:
                plain = unzip.decompress(chunk, limit + 1 - size) if unzip else chunk
            except zlib.error:
                _refuse(400, "the body is not gzip")
            size += len(plain)
            if size > limit:
                _refuse(413, f"more than {limit} bytes")
            spool.write(plain)
        spool.seek(0)
        yield spool


def _pushed_refs(body: IO[bytes]) -> Iterator[bytes]:
    """The refs that a push wants to write, read from the command list before the pack.

    400 where it isn't such a list, 403 where it deletes.
    """
    while True:
        length = body.read(4)
        if length == b"0000":
            break
        if not _LENGTH.fullmatch(length) or int(length, 16) <= 4:
            _refuse(400, "not a push")
        command = _COMMAND.fullmatch(body.read(int(length, 16) - 4))
        if command is None:
            _refuse(400, "not a push that we understand: no shallow clones, no push certificates")
        if not command["new"].strip(b"0"):
            _refuse(403, "a push may not delete")  # receive.denyDeletes covers branches only
        yield command["ref"]
    body.seek(0)


def _pkt(line: bytes) -> bytes:
    return f"{len(line) + 4:04x}".encode() + line


def _refuse(status: int, sentence: str) -> NoReturn:
    abort(Response(sentence + "\n", status, mimetype="text/plain"))
