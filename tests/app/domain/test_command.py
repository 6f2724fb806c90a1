import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.command import VERBS, Command, help_text, parse

NAMES = ("agent", "forgehand-bot")


def asked(comment):
    found = parse(comment, NAMES)
    return found and (found.verb, found.text)


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("@agent rebase", ("rebase", "rebase")),
        ("/agent rebase", ("rebase", "rebase")),
        ("@AGENT Rebase.", ("rebase", "Rebase.")),
        ("@agent, stop!", ("stop", "stop!")),
        ("@agent: help", ("help", "help")),
        ("@agent", ("help", "")),
        ("@agent!", ("help", "")),
        ("@forgehand-bot fix it", ("work", "fix it")),
        ("Thanks!\n\n  @agent please add a test\nfor it", ("work", "please add a test\nfor it")),
        ("@agent rebase this onto main, please", ("work", "rebase this onto main, please")),
        ("@agent stop the flickering", ("work", "stop the flickering")),
        ("@agent use\n```py\nx = 1\n```", ("work", "use\n```py\nx = 1\n```")),
        ("```\ncode\n```\n@agent rebase", ("rebase", "rebase")),
        ("```\r\ncode\r\n```\r\n@agent rebase\r\n", ("rebase", "rebase")),
        ("> you said\n\n@agent do it", ("work", "do it")),
        ("<!-- hidden --> \n@agent do it", ("work", "do it")),
    ],
)
def test_commands(comment, expected):
    assert asked(comment) == expected


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "agent rebase",
        "please @agent rebase",
        "@agent-foo rebase",
        "@agent_foo rebase",
        "@agent.foo rebase",
        "@agents rebase",
        "/agent/rebase",
        "/agent.md is missing",
        "ada@agent rebase",
        "mail ada@agent.example",
        "@agent@example.org wrote",
        "> @agent rebase",
        "   > @agent rebase",
        "> > @agent rebase",
        "    @agent rebase",
        "\t@agent rebase",
        "```\n@agent rebase\n```",
        "```sh\n@agent rebase",
        "~~~\n```\n@agent rebase\n~~~",
        "````\n```\n@agent rebase\n````",
        "```\r\n@agent rebase\r\n```\r\n",
        "- ```\n  @agent rebase\n  ```",
        "1. ~~~\n   @agent rebase\n   ~~~",
        "`@agent rebase`",
        "``@agent ` rebase``",
        "write `this:\n@agent rebase` to try again",
        "<!-- @agent rebase -->",
        "<!--\n@agent rebase\n-->",
        "<!--\n@agent rebase",
        "\\@agent rebase",
        "@\u200bagent rebase",
        "＠agent rebase",
    ],
)
def test_what_is_no_command(comment):
    assert asked(comment) is None


def test_names_are_literal():
    assert parse("@a.b do it", ("a.b",)) == Command(verb="work", text="do it")
    assert parse("@axb do it", ("a.b",)) is None


MARKUP = st.lists(
    st.sampled_from(["@agent ", "/agent", "rebase", "```", "~~~", "`", "> ", "    ", "\n", "\r\n", "<!--", "-->", "é", "- "]),
    max_size=30,
).map("".join)  # fmt: skip


@given(st.one_of(st.text(max_size=300), MARKUP))
def test_it_never_raises_and_only_gives_back_the_persons_words(comment):
    found = parse(comment, NAMES)
    if found:
        assert found.text in comment
        assert found.verb in {"work"} | {verb for verb, _ in VERBS.values()}


@given(MARKUP)
def test_nothing_in_a_fence_or_quote_is_a_command(text):
    fence = "`" * 40
    assert parse(f"{fence}\n{text}\n{fence}", NAMES) is None
    assert parse("\n".join("> " + line for line in text.splitlines()), NAMES) is None


@pytest.mark.parametrize(
    "unit",
    ["`", "` ", "`a``b", "```\n", "~~~\n```\n", "<!--", "> ", "    ", " \t", "@agent", "- ", "1. ", "\n"],
)
@pytest.mark.timeout(20)  # what grows with the square of the length takes minutes
def test_a_hostile_comment_hangs_nobody(unit):
    assert asked((unit * 200_000)[:200_000] + "\n\n\n@agent\n") in {None, ("help", "")}


def test_the_help_names_every_verb():
    shown = help_text("agent")
    assert all(f"`@agent {word}`" in shown and does in shown for word, (_, does) in VERBS.items())
