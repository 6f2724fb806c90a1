"""Asking a remote what it has, and turning its failures into our errors.

* The URL is checked before every use and comes after `--`: it is never an option.
* Git reports a remote's failures as prose only. `LC_ALL=C` keeps that prose in English; what isn't recognised
  here stays a `GitFailed`.
"""

import re
from collections.abc import Mapping

from git_ops.errors import (
    CorruptObject,
    DiskFull,
    GitError,
    GitFailed,
    GitTooOld,
    NotARepository,
    RemoteDenied,
    RemoteUnreachable,
    UnknownRef,
)
from git_ops.process import Git
from git_ops.refs import check_oid, check_ref, check_url, is_oid

PROMISOR = "promisor"
"""The name of the remote that a blobless repository gets its blobs from."""
_OPTIONS = ("--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules")
_DENIED = re.compile(r"returned error: 40[13]|Authentication failed|could not read (Username|Password)")
_MISSING = re.compile(
    r"returned error: 404|repository '.*' not found|does not appear to be a git repository|does not exist"
)
_NO_REF = re.compile(r"couldn't find remote ref|not our ref|upload-pack: not our ref")
_UNREACHABLE = re.compile(
    r"Could not resolve|Failed to connect|Couldn't connect|Connection (refused|reset|timed out)|"
    r"returned error: (429|5\d\d)|timed out|early EOF|hung up|RPC failed|Empty reply|SSL|redirect",
    re.IGNORECASE,
)


def translate(error: GitFailed) -> GitError:
    """The error of ours that a failed fetch, push or ls-remote means."""
    if isinstance(error, CorruptObject | DiskFull | GitTooOld):
        return error  # it is our side that failed
    text = error.stderr
    last = text.strip().splitlines()[-1] if text.strip() else "no reason given"
    if _DENIED.search(text):
        return RemoteDenied(f"The Git server refused our credential: {last}")
    if _NO_REF.search(text):
        return UnknownRef(f"The Git server doesn't have what was asked for: {last}")
    if _MISSING.search(text):
        return NotARepository(f"The Git server has no such repository, or hides it from us: {last}")
    if _UNREACHABLE.search(text):
        return RemoteUnreachable(f"The Git server didn't answer properly: {last}")
    return error


def ls_remote(git: Git, url: str, *refs: str) -> dict[str, str]:
    """Ref name to object id of those `refs` that the remote has."""
    wanted = [check_ref(ref) for ref in refs]
    try:
        text = git.text("ls-remote", "--", check_url(url), *wanted)
    except GitFailed as e:
        raise translate(e) from e
    found = {ref: oid for oid, tab, ref in (line.partition("\t") for line in text.splitlines()) if tab}
    # ls-remote matches by tail: refs/heads/a also finds refs/x/refs/heads/a.
    return {ref: check_oid(found[ref]) for ref in wanted if ref in found}


def default_branch(git: Git, url: str) -> str:
    """Short name of the branch that the remote's HEAD points at. Raises `UnknownRef` where there is none."""
    try:
        text = git.text("ls-remote", "--symref", "--", check_url(url), "HEAD")
    except GitFailed as e:
        raise translate(e) from e
    match = re.search(r"^ref: refs/heads/(\S+)\tHEAD$", text, re.MULTILINE)
    if match is None:
        raise UnknownRef("The repository has no default branch yet: it is empty, or its HEAD is detached")
    return match[1]


def fetch_refs(git: Git, url: str, wanted: Mapping[str, str], *, blobless: bool = False) -> dict[str, str]:
    """Fetch just these: a full ref or object id of the remote to the local ref it goes to, whatever that was.

    Returns what each is at now, by the remote's name. Raises `UnknownRef` where the remote lacks one.
    """
    specs = [
        f"+{name if is_oid(name) else check_ref(name)}:{check_ref(local)}" for name, local in wanted.items()
    ]
    fetch(git, url, *specs, blobless=blobless)
    listed = git.text("for-each-ref", "--format=%(refname) %(objectname)", *wanted.values())
    at = dict(line.split(" ", 1) for line in listed.splitlines())
    return {name: at[local] for name, local in wanted.items()}


def promisor_config(url: str) -> tuple[tuple[str, str], ...]:
    """The settings of a repository that `url` holds blobs for until they are needed."""
    return (
        ("core.repositoryFormatVersion", "1"),
        ("extensions.partialClone", PROMISOR),
        (f"remote.{PROMISOR}.url", check_url(url)),
        (f"remote.{PROMISOR}.promisor", "true"),
        (f"remote.{PROMISOR}.partialCloneFilter", "blob:none"),
    )


def fetch_objects(git: Git, oids: bytes) -> None:
    """Fetch single objects, one id a line, from where `promisor_config` says that they are."""
    try:
        git.run("fetch", "--quiet", *_OPTIONS, "--filter=blob:none", "--stdin", "--", PROMISOR, stdin=oids)
    except GitFailed as e:
        raise translate(e) from e


def fetch(git: Git, url: str, *refspecs: str, prune: bool = False, blobless: bool = False) -> None:
    """Fetch exactly `refspecs` (already checked), whole history, nothing run or followed on the way.

    `blobless` leaves out the files' contents, in a repository with `promisor_config`.
    """
    options = [*_OPTIONS, "--force"]
    if prune:
        options.append("--prune")
    if blobless:
        options.append("--filter=blob:none")
    source = PROMISOR if blobless else check_url(url)
    try:
        git.run("fetch", "--quiet", *options, "--", source, *refspecs)
    except GitFailed as e:
        raise translate(e) from e
