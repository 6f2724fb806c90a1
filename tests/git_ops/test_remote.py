import pytest

from git_ops.errors import (
    BadName,
    CorruptObject,
    DiskFull,
    GitFailed,
    GitTooOld,
    NotARepository,
    RemoteDenied,
    RemoteUnreachable,
    UnknownRef,
)
from git_ops.remote import default_branch, fetch, ls_remote, translate


@pytest.mark.parametrize(
    ("stderr", "error"),
    [
        ("fatal: unable to access 'u': The requested URL returned error: 403", RemoteDenied),
        ("fatal: could not read Username for 'https://x': terminal prompts disabled", RemoteDenied),
        ("fatal: repository 'https://x/' not found", NotARepository),
        ("fatal: unable to access 'u': Could not resolve host: x", RemoteUnreachable),
        ("error: RPC failed; HTTP 502\nfatal: the remote end hung up unexpectedly", RemoteUnreachable),
        ("fatal: couldn't find remote ref refs/heads/x", UnknownRef),
        ("fatal: something new", GitFailed),
    ],
)
def test_what_git_says_in_prose_becomes_an_error_of_ours(stderr, error):
    assert type(translate(GitFailed(("git", "fetch"), 128, stderr))) is error


@pytest.mark.parametrize("kind", [CorruptObject, DiskFull, GitTooOld])
def test_what_failed_on_our_side_stays_what_it_is(kind):
    error = kind(("git", "fetch"), 128, "fatal: the remote end hung up unexpectedly")
    assert translate(error) is error


def test_ls_remote_matches_whole_names(origin):
    origin.push("main:refs/x/refs/heads/main")
    at = origin.at("refs/heads/main")
    git = origin.people.git
    assert ls_remote(git, origin.url, "refs/heads/main", "refs/heads/none") == {"refs/heads/main": at}


def test_default_branch_of_an_empty_repository(repo, make_repo):
    empty = make_repo("empty")
    with pytest.raises(UnknownRef, match="empty"):
        default_branch(repo.git, f"file://{empty.path}")


def test_url_is_never_an_option(repo, tmp_path):
    with pytest.raises(BadName):
        fetch(repo.git, f"--upload-pack=touch {tmp_path}/x", "+refs/heads/main:refs/heads/main")


def test_refused_connection_is_retryable(repo):
    git = repo.git.replace(allow_protocols=("http",))
    with pytest.raises(RemoteUnreachable) as caught:
        ls_remote(git, "http://127.0.0.1:1/x.git", "refs/heads/main")
    assert caught.value.retryable
