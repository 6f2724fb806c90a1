"""Git's smart HTTP protocol, versions 0 to 2: cloning and fetching for readers, pushing for writers.

* Both directions stream: no request or answer is held in memory.
* Pushes to one repository run one after another, so each push's webhooks tell of its own changes only.
* An anonymous caller who may not do it gets 401 and may log in; one who is known gets 404 for what is hidden. Readers
  are refused as late as Gitea refuses them, ref by ref (there by a hook, and in other words).
"""

import logging
import re
import subprocess
import threading
import zlib
from collections.abc import Iterator
from typing import IO

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from app.demo.forge import pushes
from app.demo.forge.bare import Bare, command, environment
from app.demo.forge.identity import caller, readable
from app.demo.forge.records import Access, Account, Repository
from app.demo.forge.refusals import Forbidden, NotFound, Refusal, Unauthorized
from app.demo.forge.world import forge

CHUNK = 64 * 1024
TIME_LIMIT_SECONDS = 600
LEAVE_SECONDS = 10
_SERVICES = {"git-upload-pack": "read", "git-receive-pack": "write"}
"""What a token must be allowed to do for each."""
_ARCHIVED = (
    "This repo is archived. You can view files and clone it, but cannot push or open issues/pull-requests."
)
_READ_ONLY = ("-c", "receive.hideRefs=refs")
"""With this Git takes a push's objects and refuses every ref."""
_PROTOCOL = re.compile(r"version=[0-2]")

log = logging.getLogger(__name__)

git_http = Blueprint("git_http", __name__)


@git_http.errorhandler(Refusal)
def refused(error: Refusal) -> Response:
    """Plain text, which Git shows to whoever pushes."""
    answer = Response(error.message + "\n", status=error.status, mimetype="text/plain")
    if error.status == 401:
        answer.headers["WWW-Authenticate"] = 'Basic realm="Gitea"'
    return answer


@git_http.get("/<owner>/<name>/info/refs")
def advertise(owner: str, name: str) -> Response:
    service = request.args.get("service", "")
    repo = _repository(owner, name, service)
    program = service.removeprefix("git-")
    protocol = _protocol()
    done = subprocess.run(
        command(program, "--stateless-rpc", "--advertise-refs", str(forge().bare(repo).path)),
        env=_environment(forge().bare(repo), protocol),
        capture_output=True,
        timeout=TIME_LIMIT_SECONDS,
        check=True,
    )
    line = f"# service={service}\n"
    banner = (
        b""
        if protocol == "version=2" and program == "upload-pack"
        else f"{len(line) + 4:04x}{line}0000".encode()
    )
    return _answer(f"application/x-{service}-advertisement", banner + done.stdout)


@git_http.post("/<owner>/<name>/git-upload-pack")
def upload_pack(owner: str, name: str) -> Response:
    repo = _repository(owner, name, "git-upload-pack")
    return _answer("application/x-git-upload-pack-result", _talk(forge().bare(repo), "upload-pack"))


@git_http.post("/<owner>/<name>/git-receive-pack")
def receive_pack(owner: str, name: str) -> Response:
    repo = _repository(owner, name, "git-receive-pack")
    return _answer("application/x-git-receive-pack-result", _receive(repo, caller().signed_in()))


def _repository(owner: str, name: str, service: str) -> Repository:
    if service not in _SERVICES:
        raise NotFound("only git-upload-pack and git-receive-pack are served")
    caller().need(_SERVICES[service], "repository")
    if _SERVICES[service] == "write":
        caller().signed_in()
    try:
        repo = readable(owner, name.removesuffix(".git"))
    except NotFound as error:
        if caller().account is None:
            raise Unauthorized("log in to see whether this repository exists") from error
        raise
    if repo.archived is not None and _SERVICES[service] == "write":
        raise Forbidden(_ARCHIVED)
    return repo


def _receive(repo: Repository, pusher: Account) -> Iterator[bytes]:
    here, bare = forge(), forge().bare(repo)
    may_write = here.access(repo, pusher) >= Access.WRITE
    talk = _talk(bare, *(() if may_write else _READ_ONLY), "receive-pack")

    def run() -> Iterator[bytes]:
        with here.writing(repo):
            before = bare.refs()
            try:
                yield from talk
            finally:
                pushes.settle(here, repo, pusher, before, bare.refs())

    return run()


def _talk(bare: Bare, *program: str) -> Iterator[bytes]:
    """Git's side of the conversation; reads what it needs from the request now, runs when iterated."""
    source = _plain(request.stream, request.headers.get("Content-Encoding", ""))
    return _converse(
        command(*program, "--stateless-rpc", str(bare.path)), _environment(bare, _protocol()), source
    )


def _converse(argv: list[str], env: dict[str, str], source: Iterator[bytes]) -> Iterator[bytes]:
    """Feed `source` to a process and give what it prints; a caller who stops listening ends the process."""
    process = subprocess.Popen(
        argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    limit = threading.Timer(TIME_LIMIT_SECONDS, process.kill)
    feeder = threading.Thread(target=_feed, args=(source, process.stdin), daemon=True)
    limit.start()
    feeder.start()
    try:
        yield from _chunks(process.stdout)
        process.wait()
    finally:
        limit.cancel()
        if process.poll() is None:
            process.kill()
            process.wait()
        feeder.join(LEAVE_SECONDS)  # a client that neither sends nor leaves keeps nobody waiting
        _close_quietly(process.stdout)


def _feed(source: Iterator[bytes], sink: IO[bytes] | None) -> None:
    if sink is None:
        return
    try:
        for chunk in source:
            sink.write(chunk)
    except (OSError, ValueError, zlib.error, HTTPException):
        # A client that went away or a body that isn't what it says: Git sees a short request and refuses it.
        log.info("a Git request ended early", exc_info=True)
    finally:
        _close_quietly(sink)


def _close_quietly(stream: IO[bytes] | None) -> None:
    try:
        if stream:
            stream.close()
    except OSError:
        return  # the reader is gone, which is what we wanted


def _chunks(stream: IO[bytes] | None) -> Iterator[bytes]:
    """What is there as soon as it is there."""
    read = getattr(stream, "read1", None) or getattr(stream, "read", None)
    while read and (chunk := read(CHUNK)):
        yield chunk


def _plain(stream: IO[bytes], encoding: str) -> Iterator[bytes]:
    if encoding not in {"gzip", "x-gzip"}:
        yield from _chunks(stream)
        return
    unpack = zlib.decompressobj(wbits=31)
    for chunk in _chunks(stream):
        yield unpack.decompress(chunk)
    yield unpack.flush()


def _protocol() -> str:
    asked = request.headers.get("Git-Protocol", "")
    return asked if _PROTOCOL.fullmatch(asked) else ""


def _environment(bare: Bare, protocol: str) -> dict[str, str]:
    return environment(bare.path, {"GIT_PROTOCOL": protocol} if protocol else {})


def _answer(mimetype: str, body: bytes | Iterator[bytes]) -> Response:
    answer = Response(body, content_type=mimetype)
    answer.headers["Cache-Control"] = "no-cache, max-age=0, must-revalidate"
    return answer
