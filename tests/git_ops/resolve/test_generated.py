import dataclasses

import pytest

from git_ops.conflict import Abstained, File, Resolution
from git_ops.resolve.chain import Settled
from git_ops.resolve.generated import GeneratedResolver

LOCK = "a/Cargo.lock"


def lock(version):
    return f'# made by cargo\n[[package]]\nname = "x"\nversion = "{version}"\n'


@pytest.fixture
def locks(situation):
    return situation({LOCK: lock(1)}, {LOCK: lock(2)}, {LOCK: lock(3)})


def test_without_a_port_it_says_what_to_run(locks):
    (conflict,), context = locks
    answer = GeneratedResolver().resolve(conflict, context)
    assert isinstance(answer, Abstained)
    assert "`cargo update --workspace`" in answer.why


def test_it_is_made_anew_from_a_tree_with_the_targets_version(locks):
    (conflict,), context = locks

    def regenerate(path, tree):
        assert context.git.run("cat-file", "blob", f"{tree}:{path}").stdout == lock(2).encode()
        return b"made anew\n"

    answer = GeneratedResolver(regenerate).resolve(conflict, context)
    assert isinstance(answer, Resolution)
    file = answer.files[LOCK]
    assert (file.mode, context.git.run("cat-file", "blob", file.oid).stdout) == ("100644", b"made anew\n")


def test_what_could_not_be_made_stays_open(locks):
    (conflict,), context = locks
    answer = GeneratedResolver(lambda path, tree: None).resolve(conflict, context)
    assert isinstance(answer, Abstained)
    assert "couldn't be made anew" in answer.why


def test_what_it_is_made_from_comes_first(situation):
    """The manifest conflicts as well: no question to the port until that is settled, and then with what it is."""
    (lock_conflict, manifest), context = situation(
        {LOCK: lock(1), "a/Cargo.toml": "[x]\na = 1\n"},
        {LOCK: lock(2), "a/Cargo.toml": "[x]\na = 2\n"},
        {LOCK: lock(3), "a/Cargo.toml": "[x]\na = 3\n"},
    )
    seen = []

    def regenerate(path, tree):
        seen.append(context.git.run("cat-file", "blob", f"{tree}:a/Cargo.toml").stdout)
        return b"made anew\n"

    resolver = GeneratedResolver(regenerate)
    answer = resolver.resolve(lock_conflict, context)
    assert isinstance(answer, Abstained)
    assert "a/Cargo.toml must be settled" in answer.why
    assert not seen
    file = File(mode="100644", content=b"[x]\na = 23\n")
    settled = Settled(
        conflict=manifest,
        resolution=Resolution(resolver="x", source="model", why="", files={manifest.path: file}),
        gates=(),
    )
    later = dataclasses.replace(context, settled=(settled,))
    assert isinstance(resolver.resolve(lock_conflict, later), Resolution)
    assert seen == [b"[x]\na = 23\n"]


def line(module, version, digest="x"):
    return f"{module} {version} h1:{digest}=\n"


def go_sum(situation, base, target, agent):
    (conflict,), context = situation({"go.sum": base}, {"go.sum": target}, {"go.sum": agent})
    return GeneratedResolver().resolve(conflict, context)


def test_go_sum_is_a_set_in_gos_order(situation):
    versions = [
        "v1.0.0-pre.2",
        "v1.0.0-pre.10",
        "v1.0.0-rc1",
        "v1.0.0",
        "v1.0.0/go.mod",
        "v1.2.0",
        "v1.10.0+incompatible",
    ]
    lines = [line("a.org/x", version) for version in versions]
    base = line("z.org/z", "v1.0.0")
    answer = go_sum(situation, base, "".join(lines[::2]) + base, "".join(reversed(lines[1::2])) + base)
    assert answer.files["go.sum"].content.decode() == "".join(lines) + base


def test_go_sum_with_two_hashes_is_a_question(situation):
    answer = go_sum(situation, line("b", "v1.0.0"), line("a", "v1.0.0"), line("a", "v1.0.0", "evil"))
    assert isinstance(answer, Abstained)
    assert "different hashes for a v1.0.0" in answer.why


def test_go_sum_with_other_lines_is_not_go_sum(situation):
    answer = go_sum(situation, line("a", "v1.0.0"), "what?\n", line("a", "v1.1.0"))
    assert isinstance(answer, Abstained)
