"""Moving a branch of a remote, under a lease, and checking that it moved.

* Only `sha:refs/heads/<branch>` with `--force-with-lease=<ref>:<what was read>`: what someone else pushed in the
  meantime is never overwritten. The lease is always spelled out; a bare one trusts the last fetch.
* The old tip is saved in the same atomic push where a backup ref is named: both or neither.
* A push may hang on another branch not having moved: that branch is named in the push with the place where it was
  read, both as the value and as the lease. Git leaves it out where it still is there and breaks the whole push off,
  on our side, where it isn't; so it can't be moved by that. It may still move while the push is under way.
* Idempotent: a remote that is already at `sha` is a success.
* The remote's word isn't taken for it: the ref is read back.
"""

import dataclasses
import re
from collections.abc import Collection, Mapping

from git_ops import remote
from git_ops.errors import GitFailed, LeaseLost, PushRejected, TargetMoved
from git_ops.process import Git
from git_ops.refs import branch_ref, check_oid, check_ref, check_url

_RACE = re.compile(
    r"stale info|fetch first|non-fast-forward|cannot lock ref|failed to update ref|reference already exists|"
    r"incorrect old value|failed to lock"
)
_SIBLING = re.compile(r"atomic push fail|atomic transaction failed|failed to push some refs")
_MAX_REASON = 500


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class PushResult:
    """What the remote has now."""

    sha: str
    ref: str
    previous: str | None
    """What the caller had read; none for a new branch."""
    already_there: bool
    """The remote was at `sha` before this push."""
    backup_ref: str | None = None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    flag: str
    ref: str
    reason: str


def push(
    git: Git,
    *,
    url: str,
    sha: str,
    branch: str,
    expected: str | None,
    backup_ref: str | None = None,
    never: Collection[str] = (),
    unmoved: Mapping[str, str] | None = None,
) -> PushResult:
    """Move `branch` of the remote from `expected` (none: it must not exist) to `sha`.

    `backup_ref` (`refs/…`) gets `expected`; `never` names branches that are refused (default, protected); `unmoved`
    are other branches and where each must be.
    Raises `LeaseLost`, `TargetMoved` where one of `unmoved` is elsewhere, `PushRejected` with the remote's reason,
    `RemoteUnreachable`, `RemoteDenied`.
    """
    ref = branch_ref(branch)
    fixed = {branch_ref(name): check_oid(oid) for name, oid in (unmoved or {}).items()}
    if branch in never or ref in fixed:
        raise PushRejected(
            f"Branch {branch} is protected: nothing is pushed to it directly", reason="protected"
        )
    specs = [f"{check_oid(sha)}:{ref}"]
    backup = check_ref(backup_ref) if backup_ref and expected else None
    if backup:
        specs.append(f"{expected}:{backup}")
    specs += [f"{oid}:{name}" for name, oid in fixed.items()]
    leases = [f"--force-with-lease={ref}:{check_oid(expected) if expected else ''}"]
    leases += [f"--force-with-lease={name}:{oid}" for name, oid in fixed.items()]
    lines = _push(git, check_url(url), specs, *leases)
    _raise_rejected(git, url, lines, ref=ref, branch=branch, expected=expected, sha=sha, fixed=fixed)
    actual = remote.ls_remote(git, url, ref).get(ref)
    if actual != sha:
        raise LeaseLost(branch, expected=sha, actual=actual)
    already = any(line.ref == ref and line.flag == "=" for line in lines)
    return PushResult(sha=sha, ref=ref, previous=expected, already_there=already, backup_ref=backup)


def push_ref(git: Git, *, url: str, sha: str, ref: str) -> PushResult:
    """Set a ref that belongs to us alone (a quarantine ref) to `sha`, whatever it was. Not for branches."""
    if check_ref(ref).startswith("refs/heads/"):
        raise PushRejected("A branch is only moved under a lease", reason="no lease")
    lines = _push(git, check_url(url), [f"+{check_oid(sha)}:{ref}"])
    _raise_rejected(git, url, lines, ref=ref, branch=ref, expected=None, sha=sha)
    return PushResult(sha=sha, ref=ref, previous=None, already_there=any(line.flag == "=" for line in lines))


def _push(git: Git, url: str, specs: list[str], *options: str) -> list[_Line]:
    """Run the push; a refusal is in the lines, all other failures are raised."""
    args = ("push", "--porcelain", "--atomic", "--no-verify", "--no-follow-tags", "--no-signed", *options)
    done = git.run(*args, "--", url, *specs, ok=range(256))
    lines = _parse(done.stdout.decode("utf-8", "replace"))
    stderr = git.redact(done.stderr.decode("utf-8", "replace"))
    if done.returncode and not any(line.flag == "!" for line in lines):
        error = GitFailed(("git", *args), done.returncode, stderr[-4000:])
        raise remote.translate(error) from error
    said = _remote_said(stderr)
    return [
        dataclasses.replace(x, reason=f"{x.reason}: {said}" if x.flag == "!" and said else x.reason)
        for x in lines
    ]


def _parse(text: str) -> list[_Line]:
    """The lines of `git push --porcelain`: `<flag> TAB <from>:<to> TAB <summary> (<reason>)`."""
    lines = []
    for raw in text.splitlines():
        flag, tab, rest = raw.partition("\t")
        spec, tab_too, summary = rest.partition("\t")
        if tab and tab_too and len(flag) == 1:
            reason = re.search(r"\((.*)\)$", summary)
            lines.append(
                _Line(flag=flag, ref=spec.rpartition(":")[2], reason=reason[1] if reason else summary)
            )
    return lines


def _remote_said(stderr: str) -> str:
    """What the server's hooks printed, made safe to show: one line, no control characters, bounded."""
    said = " ".join(
        line[len("remote:") :].strip() for line in stderr.splitlines() if line.startswith("remote:")
    )
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said)
    return "".join(c for c in said if c.isprintable())[:_MAX_REASON].strip()


def _raise_rejected(
    git: Git,
    url: str,
    lines: list[_Line],
    *,
    ref: str,
    branch: str,
    expected: str | None,
    sha: str,
    fixed: Mapping[str, str] | None = None,
) -> None:
    rejected = [line for line in lines if line.flag == "!"]
    if not rejected:
        return
    # With --atomic every ref fails; those that say why aren't "atomic push failure". Our own branch comes first.
    why = min(rejected, key=lambda line: (bool(_SIBLING.search(line.reason)), line.ref != ref))
    if why.ref == ref and _RACE.search(why.reason):
        actual = remote.ls_remote(git, url, ref).get(ref)
        if actual not in {expected, sha}:
            raise LeaseLost(branch, expected=expected, actual=actual)
    if fixed and why.ref in fixed and _RACE.search(why.reason):
        actual = remote.ls_remote(git, url, why.ref).get(why.ref)
        raise TargetMoved(why.ref.removeprefix("refs/heads/"), expected=fixed[why.ref], actual=actual)
    raise PushRejected(f"The Git server refused the push to {why.ref}: {why.reason}", reason=why.reason)
