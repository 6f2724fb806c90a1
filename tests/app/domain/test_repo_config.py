import re
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.repo_config import Allow, BadRepoConfigError, RepoConfig, parse


@pytest.mark.parametrize("text", [None, b"", b"# nothing\n", b"---\n", b"{}", b"verify:\n"])
def test_nothing_said_means_the_defaults(text):
    assert parse(text) == RepoConfig(verify=None)


def test_the_verify_command():
    assert parse(b"verify: |\n  make test\n").verify == "make test\n"


def test_every_key_is_documented():
    page = (Path(__file__).parents[3] / "docs" / "repository.md").read_text()
    keys = [name for name in RepoConfig.model_fields if name != "allow"]
    assert all(f"| `{key}` |" in page for key in [*keys, *(f"allow.{name}" for name in Allow.model_fields)])
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert parse(example.encode()).allow.targets == ("main", "release/*")


def test_who_is_allowed_what():
    allow = parse(b"allow:\n  who: [ann, bob]\n  kinds: [rebase]\n  targets: ['release/*']\n").allow
    assert (allow.who, allow.kinds, allow.targets) == (("ann", "bob"), ("rebase",), ("release/*",))
    assert parse(b"allow: {who: maintain}").allow == Allow(who="maintain")
    assert parse(b"allow: {}").allow == Allow(who="write", kinds=("code", "rebase"), targets=("*",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"who: everybody", "allow.who: .*write `write`, `maintain`, or a list of account names"),
        (b"who: []", "allow.who: .*a list of account names"),
        (b"who: [5]", "allow.who"),
        (b"who: {ann: 1}", "allow.who: .*a list of account names"),
        (b"who: null", "allow.who: .*a list of account names"),
        (b"who: ['']", "allow.who"),
        (b"kinds: [code, review]", "allow.kinds.1: Input should be 'code' or 'rebase'"),
        (b"kinds: []", "allow.kinds"),
        (b"targets: main", "allow.targets"),
        (b"targets: []", "allow.targets"),
        (b"whom: write", "allow.whom: Extra"),
    ],
)
def test_what_is_no_rule_is_an_error_that_names_the_key(text, message):
    with pytest.raises(BadRepoConfigError, match=rf"on the default branch: {message}"):
        parse(b"allow: {" + text + b"}", where="the default branch")


def test_an_unknown_key_is_named():
    with pytest.raises(BadRepoConfigError, match=r"\.forgehand\.yml on the target branch: verfy: Extra"):
        parse(b"verfy: make test\n")


@pytest.mark.parametrize("text", [b"[]", b"- a", b"just text", b"5", b"false", b"''"])
def test_only_a_mapping_will_do(text):
    with pytest.raises(BadRepoConfigError, match=r"the top level: .*dictionary"):
        parse(text)


@pytest.mark.parametrize(
    "text", [b"verify: [a, b]", b"verify: 5", b"verify: {a: b}", b"verify: " + b"x" * 2001]
)
def test_a_verify_that_is_no_short_text(text):
    with pytest.raises(BadRepoConfigError, match="verify: "):
        parse(text)


BOMB = b"a: &a [x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (c, c, b", ".join([b"*%c" % (c - 1)] * 9)) for c in range(ord("b"), ord("k"))
)
MERGE_BOMB = b"a: &a {x: 1}\n" + b"".join(
    b"%c: &%c {<<: [%s]}\n" % (c, c, b", ".join([b"*%c" % (c - 1)] * 9)) for c in range(ord("b"), ord("k"))
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        MERGE_BOMB,
        b"verify: &x a\nother: *x",
        b"verify: !!python/object/apply:os.system ['true']",
        b"verify: [",
        b"\tverify: x",
        b"verify: \xff\xfe\xfa",
        b"verify: \x00",
        b"[" * 60_000,
        b"verify: 2001-99-99",
        b"verify: " + b"1" * 5_000,
        b"verify: !!bool maybe",
        b"verify: !!int ''",
        b"verify: !!timestamp x",
        b"a: 1\n--- \nb: 2",
    ],
    ids=range(15),
)
def test_hostile_files_are_refused_with_a_bounded_sentence(text):
    with pytest.raises(BadRepoConfigError) as caught:
        parse(text)
    assert len(str(caught.value)) <= 600


@given(
    st.one_of(
        st.binary(max_size=200), st.text("&*!-:?[]{}<>|'\"%@`#, \n\tab1.~=", max_size=60).map(str.encode)
    )
)
def test_it_raises_nothing_else(text):
    with suppress(BadRepoConfigError):
        assert isinstance(parse(text), RepoConfig)
