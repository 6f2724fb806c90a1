import json

import pytest

from git_ops.resolve.candidates.structured import Structured


def propose(conflict):
    return Structured().propose(conflict)


def spliced(conflict):
    found = propose(conflict)
    assert found.keys() == {hunk.id for hunk in conflict.hunks}
    return conflict.splice(found)


def package(**changes):
    value = {"name": "x", "version": "1.0.0", "dependencies": {"b": "^1", "d": "^2"}, "private": True}
    return (json.dumps(value | changes, indent=2) + "\n").encode()


def test_json_by_key(whole):
    target = package(dependencies={"b": "^1", "d": "^2", "t": "^1"})
    agent = package(dependencies={"b": "^1", "d": "^2", "e": "^1"})
    merged = package(dependencies={"b": "^1", "d": "^2", "e": "^1", "t": "^1"})
    assert spliced(whole(package(), target, agent, "package.json")) == merged


def test_hunks_with_a_disputed_key_have_no_proposal(whole):
    more = (
        {"dependencies": {"b": "^1", "d": "^2", "t": "^1"}},
        {"dependencies": {"b": "^1", "d": "^2", "e": "^1"}},
    )
    conflict = whole(
        package(), package(version="1.1.0", **more[0]), package(version="2.0.0", **more[1]), "p.json"
    )
    assert len(conflict.hunks) == 2
    assert propose(conflict) == {"h2": b'    "d": "^2",\n    "e": "^1",\n    "t": "^1"\n'}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda t: t.replace(b'"private"', b'"name"'), "a doubled key"),
        (lambda t: t.replace(b": ", b" : "), "formatting that the writer doesn't give back"),
        (lambda t: t.replace(b"true", b"1.10"), "a number that the writer would shorten"),
        (lambda t: t.replace(b"{", b"{ // note", 1), "a comment"),
        (lambda t: b"\xef\xbb\xbf" + t, "a byte order mark"),
        (lambda t: t.replace(b'"x"', b'"\xff"'), "no UTF-8"),
        (lambda t: b"[" * 5_000 + t, "no end of brackets"),
        (lambda t: t[:-3], "no JSON"),
    ],
)
def test_what_cannot_be_written_back_is_left_alone(whole, change, why):
    target = package(dependencies={"b": "^1", "d": "^2", "t": "^1"})
    agent = package(dependencies={"b": "^1", "d": "^2", "e": "^1"})
    conflict = whole(*map(change, (package(), target, agent)), "package.json")
    assert propose(conflict) == {}, why


TOML = b"""\
# settings
[tool]
name = 'x'   # odd quotes stay
size = 1
kind = "k"

[other]
last = true
"""


def test_toml_keeps_its_formatting(whole):
    target = TOML.replace(b"'x' ", b"'y' ").replace(b"last = true", b"last = false")
    agent = TOML.replace(b"size = 1", b"size = 2")
    conflict = whole(TOML, target, agent, "f.toml")
    merged = target.replace(b"size = 1", b"size = 2")
    assert spliced(conflict) == merged


def test_toml_adds_keys(whole):
    conflict = whole(TOML, TOML + b"t = 1\n", TOML + b"a = 1\n", "f.toml")
    assert spliced(conflict) == TOML + b"t = 1\na = 1\n"


YAML = b"""\
name: x
on:
  push:   # every branch
    - "a"
size: 1
kind: 'k'
"""


def test_yaml_keeps_its_formatting(whole):
    target, agent = YAML.replace(b"size: 1", b"size: 2"), YAML.replace(b"'k'", b"'l'\nnew: [1, 2]")
    conflict = whole(YAML, target, agent, "f.yml")
    assert spliced(conflict) == agent.replace(b"size: 1", b"size: 2")


@pytest.mark.parametrize(
    "more",
    [
        b"x: &a 1\ny: *a\n",
        b"x: !!python/object/apply:os.system ['true']\n",
        b"---\nx: 1\n",
        b"size: 1\n",
        b"x: [\n",
    ],
)
def test_yaml_that_is_more_than_plain_is_left_alone(whole, more):
    target, agent = YAML.replace(b"size: 1", b"size: 2"), YAML.replace(b"'k'", b"'l'")
    assert propose(whole(YAML + more, target + more, agent + more, "f.yaml")) == {}


def test_a_line_that_a_side_added_must_be_found_again(whole):
    """A comment of the agent's would be lost with its mapping."""
    target, agent = YAML.replace(b"size: 1", b"size: 2"), YAML.replace(b"kind: 'k'", b"# why\nkind: 'l'")
    found = propose(whole(YAML, target, agent, "f.yaml"))
    assert found in ({}, {"h1": b"size: 2\n# why\nkind: 'l'\n"})


def test_other_files_and_new_ones_are_not_looked_at(one_hunk):
    assert propose(one_hunk(b'{"a": 1}', b'{"a": 2}', b'{"a": 1, "b": 2}', "f.txt")) == {}
    assert propose(one_hunk(None, b'{"a": 2}', b'{"a": 1, "b": 2}', "f.json")) == {}
