import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from git_ops.conflict import Conflict
from git_ops.hunks import diff_algorithms, is_lfs_pointer, split
from git_ops.process import Git

LINES = st.lists(
    st.sampled_from(
        [b"a\n", b"b\n", b"c\r\n", b"=======\n", b"<<<<<<< x\n", b"||||||| \n", b">>>>>>>>>> y\n", b"\xe9\n"]
    ),
    max_size=7,
)
TEXTS = st.builds(
    lambda lines, tail: b"".join(lines) + tail, LINES, st.sampled_from([b"", b"", b"end", b"=======", b"x\r"])
)


def spliced(found, role):
    conflict = Conflict(
        path="f", kind="content", paths=("f",), stages={}, base=None, target=None, agent=None,
        between=found.between, hunks=found.hunks,
    )  # fmt: skip
    return conflict.splice({hunk.id: getattr(hunk, role) for hunk in found.hunks})


def favoured(folder, option, base, target, agent):
    for name, content in (("t", target), ("b", base), ("a", agent)):
        (folder / name).write_bytes(content)
    algorithm = ["--diff-algorithm=histogram"] if diff_algorithms() else []
    args = ("git", "merge-file", "-p", "-q", option, *algorithm, "t", "b", "a")
    return subprocess.run(args, cwd=folder, capture_output=True, check=True, timeout=10).stdout


ANY_LINE = st.binary(max_size=3).map(lambda line: line.replace(b"\0", b"\r") + b"\n")
ANY_TEXTS = st.one_of(
    TEXTS,
    st.builds(
        lambda lines, tail: b"".join(lines) + tail,
        st.lists(ANY_LINE, max_size=5),
        st.binary(max_size=3).map(lambda tail: tail.replace(b"\0", b"\r")),
    ),
)


@settings(max_examples=60, deadline=None)
@example(base=b"", target=b"\r", agent=b"a\n")
@given(base=ANY_TEXTS, target=ANY_TEXTS, agent=ANY_TEXTS)
def test_taking_one_side_everywhere_is_what_git_does(tmp_path_factory, base, target, agent):
    found = split(Git(), base=base, target=target, agent=agent)
    folder = tmp_path_factory.mktemp("favour")
    assert len(found.between) == len(found.hunks) + 1
    assert spliced(found, "target") == favoured(folder, "--ours", base, target, agent)
    assert spliced(found, "agent") == favoured(folder, "--theirs", base, target, agent)


@settings(max_examples=60, deadline=None)
@given(target=ANY_TEXTS, agent=ANY_TEXTS)
def test_where_both_added_the_file_each_side_is_the_whole_file(target, agent):
    found = split(Git(), base=b"", target=target, agent=agent)
    assert spliced(found, "target") == target or not target or not agent
    assert spliced(found, "agent") == agent or not target or not agent
    assert b"".join(hunk.base for hunk in found.hunks) == b""


@settings(max_examples=60, deadline=None)
@given(base=ANY_TEXTS)
def test_sides_that_change_every_line_are_got_back_byte_for_byte(base):
    target, agent = (
        b"".join(mark + line for line in base.splitlines(keepends=True)) for mark in (b"T", b"A")
    )
    found = split(Git(), base=base, target=target, agent=agent)
    assert spliced(found, "target") == target
    assert spliced(found, "agent") == agent
    assert spliced(found, "base") == base


@pytest.mark.parametrize("algorithm", ["histogram", "myers", "patience", "minimal"])
def test_other_diff_algorithms_where_git_can_be_told(algorithm):
    found = split(Git(), base=b"1\n", target=b"T\n", agent=b"A\n", diff_algorithm=algorithm)
    assert (found is not None) == (algorithm in diff_algorithms())
    assert found is None or [hunk.agent for hunk in found.hunks] == [b"A\n"]


def test_unknown_diff_algorithm_is_not_asked_for():
    assert split(Git(), base=b"1\n", target=b"T\n", agent=b"A\n", diff_algorithm="--output=x") is None


def test_missing_final_newline_is_kept():
    found = split(Git(), base=b"a\nb", target=b"a\nT", agent=b"a\nA\n")
    assert [(h.base, h.target, h.agent) for h in found.hunks] == [(b"b", b"T", b"A\n")]


def test_crlf_without_final_newline():
    found = split(Git(), base=b"a\r\nb\r\n", target=b"a\r\nT", agent=b"a\r\nA\r\n")
    assert [(h.target, h.agent) for h in found.hunks] == [(b"T", b"A\r\n")]


@pytest.mark.parametrize("content", [b"a\0b", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n"])
def test_what_is_no_text_has_no_hunks(content):
    assert split(Git(), base=b"a\n", target=content, agent=b"c\n") is None


def test_absurd_marker_runs_are_given_up():
    assert split(Git(), base=b"a\n", target=b"=" * 9_000 + b"\n", agent=b"c\n") is None


def test_lfs_pointer():
    assert not is_lfs_pointer(b"# version https://git-lfs.github.com/spec/v1")
