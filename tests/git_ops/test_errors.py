import inspect

from git_ops import errors
from git_ops.errors import GitError, GitFailed, LeaseLost, NestedRepository


def test_the_tree_in_the_docstring_is_the_tree():
    classes = {c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, GitError)}
    depth = {}
    for line in errors.__doc__.splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if name in {c.__name__ for c in classes}:
            depth[name] = (len(line) - len(line.lstrip("│├└─ "))) // 4
    assert depth == {c.__name__: len(c.__mro__) - len(GitError.__mro__) for c in classes}


def test_sentences():
    assert str(GitFailed(("git", "-c", "a=b", "fetch"), 128, "noise\nfatal: why\n")) == (
        "git fetch failed with exit code 128: fatal: why"
    )
    lost = LeaseLost("main", expected="1" * 40, actual=None)
    assert "it was at 1111111111 when it was read and is gone now" in lost.user_message
    many = NestedRepository([f"d{i}" for i in range(7)])
    assert many.user_message.startswith("d0, d1, d2, d3, d4 and more: a Git repository")
