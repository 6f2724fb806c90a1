"""What people read, parsed by a real Markdown parser: hostile text may be shown, it may not do anything."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.domain import rendering
from app.domain.job import Report, State
from app.domain.naming import one_line
from runner.protocol import AgentRun, ConflictFact, MovedCommit, RebaseFacts, Result, Task, Verification
from tests.support.desk import make_job, walk

URL = "http://forgehand.example/jobs/1"
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
OLD, NEW, ONTO = "a" * 40, "b" * 40, "c" * 40

NASTY = st.lists(
    st.sampled_from(
        ["`", "```", "~~~", "|", "\n", "\r", "\n\n", "@bob", "@", "#1", "!", "[x](http://evil)", "![i](u)", "<b>", "</details>",
         "<!--", "-->", "&#64;bob", "&commat;bob", "\\", "*", "_", "- ", "1. ", "# ", "---", "===", "    ", "word", "\u202e", "\x00"]
    ),
    max_size=12,
).map("".join)  # fmt: skip
TEXT = st.one_of(st.text(max_size=80), NASTY)


def tokens(markdown):
    """All tokens, inline ones included, in order."""
    return [inner for token in MARKDOWN.parse(markdown) for inner in [token, *(token.children or [])]]


def kinds(markdown):
    return [token.type for token in tokens(markdown) if token.type != "inline"]


def said(markdown):
    """What is plain text, as the reader and the forge's mention finder see it: entities and escapes resolved."""
    blocks = [token.children or [] for token in MARKDOWN.parse(markdown) if token.type == "inline"]
    shown = {"text", "text_special"}
    return "\n".join("".join(one.content if one.type in shown else " " for one in block) for block in blocks)


@given(TEXT)
def test_inert_text_is_text(text):
    line = one_line(text, 300)
    shown = rendering.inert(line)
    assert (
        kinds(shown) in [["paragraph_open", *["text"] * n, "paragraph_close"] for n in range(1, 200)]
        or not line
    )
    assert said(shown).replace("\u200b", "") == line.replace("\u200b", "")
    assert not re.search(r"[@#!][\w\[]", said(shown))


@given(TEXT)
def test_inert_text_stays_in_its_table_cell(text):
    table = f"| a | b |\n|---|---|\n| {rendering.inert(one_line(text, 300))} | {rendering.code(text)} |"
    found = kinds(table)
    assert (found.count("td_open"), found.count("tr_open")) == (2, 2)
    assert "html_inline" not in found


@given(TEXT)
def test_code_is_one_code_span(text):
    found = kinds(rendering.code(text))
    assert found == ["paragraph_open", "code_inline", "paragraph_close"]
    assert kinds(f"see {rendering.code(text)} and {rendering.code(text)}.").count("code_inline") == 2


@given(TEXT, st.integers(1, 60))
def test_a_fence_holds_its_text(text, limit):
    (fence,) = MARKDOWN.parse(rendering.fenced(text, limit))
    assert fence.type == "fence"
    assert fence.info == "text"
    printable = "".join(ch for ch in text[-limit:] if ch in "\n\t" or ch.isprintable())
    assert fence.content.removeprefix("…").rstrip("\n") == printable.rstrip("\n")


@given(TEXT)
def test_a_title_refers_to_nothing_and_looks_as_it_was(text):
    assert not re.search(r"[@#!][\w\[]", rendering.quiet(text))
    assert rendering.quiet(text).replace("\u200b", "") == text.replace("\u200b", "")


def test_the_end_of_a_long_output_is_kept():
    assert rendering.fenced("first " + "x" * 50 + " last", 10).splitlines()[1] == "…xxxxx last"


def result(**changes):
    values = {
        "outcome": "changed",
        "head_sha": NEW,
        "agent": AgentRun(ok=True, text="I added it."),
        "rebase": RebaseFacts(outcome="clean", old_tip=OLD, new_tip=NEW, onto=ONTO),
        "verifications": (Verification(command="make test", exit_code=0, seconds=1.25, tail="ok", sha=NEW),),
    }
    return Result(**{**values, **changes})


REPORT = Report(
    head_sha=NEW, pull_number=9, pull_url="http://forge/9", commits=1, files=2, added=3, removed=1, paths=("a.py", "b.py"),
    backup_ref="refs/forgehand/backup/j",
)  # fmt: skip


def ended(state, seconds=75.4, **changes):
    """A job that started at 1000 and ended in `state`."""
    job = walk(make_job(id="job00000001", number=3, created_at=1000.0), State.PUBLISHING)
    return job.moved(state, cause="x", at=1000.0 + seconds, **changes)


def comment(job, spent=0.126):
    return rendering.job_comment(job, job_url=URL, spent_usd=spent)


def test_a_job_that_succeeded():
    conflicts = (
        ConflictFact(
            path="a.py", kind="content", resolver="claude", why="kept *both*", gates=("parses", "end-tree")
        ),
    )
    rebase = RebaseFacts(outcome="resolved", old_tip=OLD, new_tip=NEW, onto=ONTO, conflicts=conflicts)
    assert comment(ended(State.SUCCEEDED, result=result(rebase=rebase), report=REPORT)) == (
        "<!-- forgehand:job00000001 -->\n"
        f"**Forgehand finished** after 1m 15s —— [View job]({URL})\n\n"
        "- Pull request #9 (`forgehand/issue-1`) is at bbbbbbbbbb.\n"
        "- 1 commit ahead of `main`, 2 files changed, +3 −1: `a.py`, `b.py`\n"
        "- Rebased onto `main` at cccccccccc; 1 conflict resolved, see below.\n"
        "- The repository's own tests passed: `make test` in 1.2 s on bbbbbbbbbb.\n"
        "- The branch as it was before is kept as `refs/forgehand/backup/j`. To go back: "
        "`git fetch origin refs/forgehand/backup/j`, then "
        f"`git push --force-with-lease=refs/heads/forgehand/issue-1:{NEW} origin FETCH_HEAD:refs/heads/forgehand/issue-1`.\n\n"
        "| file | conflict | settled by | gates passed | why |\n|---|---|---|---|---|\n"
        "| `a.py` | `content` | `claude` | `parses`, `end-tree` | kept \\*both\\* |\n\n"
        "<details><summary>What Claude says about it</summary>\n\n```text\nI added it.\n```\n\n</details>\n\n"
        "<sub>Cost $0.13 at list prices. Asked for by `ada`.</sub>\n"
    )


def test_edits_elsewhere_are_told_once_each():
    conflicts = tuple(
        ConflictFact(path=path, kind="content", resolver="agent", elsewhere=("call`er.py", "b.py"))
        for path in ("a.py", "c.py")
    )
    rebase = RebaseFacts(outcome="resolved", old_tip=OLD, new_tip=NEW, onto=ONTO, conflicts=conflicts)
    text = comment(ended(State.SUCCEEDED, result=result(rebase=rebase), report=REPORT))
    (line,) = [line for line in text.splitlines() if line.startswith("Changed elsewhere")]
    assert line == "Changed elsewhere to settle them: `` call`er.py ``, `b.py`."


def test_the_pull_request_tells_the_same_facts():
    job = ended(State.SUCCEEDED, result=result(verifications=()), report=REPORT)
    body = rendering.pull_body(job, job_url=URL, spent_usd=0)
    assert body.startswith(
        "<!-- forgehand:job00000001 -->\nFixes #3\n\n- Pull request #9 (`forgehand/issue-1`) is at bbbbbbbbbb."
    )
    assert "- No tests were run: `.forgehand.yml` names no `verify` command.\n" in body
    assert body.endswith(f"<sub>Made by Forgehand for `ada` —— [View job]({URL})</sub>\n")


def test_a_rebase_tells_where_the_branch_is_now():
    job = ended(State.SUCCEEDED, result=result(agent=None, verifications=()), report=REPORT)
    shown = comment(job.model_copy(update={"kind": "rebase"}))
    assert "- Pull request #9 (`forgehand/issue-1`) is at bbbbbbbbbb.\n" in shown
    assert "without a conflict" in shown
    assert "No tests were run" not in shown


def test_no_changes_is_never_called_done():
    shown = comment(
        ended(State.NO_CHANGES, seconds=9, result=result(outcome="no_changes", head_sha=None, rebase=None))
    )
    assert "**Forgehand changed nothing** after 9s" in shown
    assert "without changing a file" in shown
    assert "finished" not in shown
    up_to_date = RebaseFacts(outcome="up_to_date", old_tip=OLD, new_tip=OLD, onto=ONTO)
    shown = comment(ended(State.NO_CHANGES, result=result(outcome="no_changes", rebase=up_to_date)))
    assert "`forgehand/issue-1` is already up to date with `main`." in shown


def test_a_failed_job_tells_why_shows_the_tests_and_where_the_work_is():
    runs = (
        Verification(command="make test", exit_code=2, seconds=3, tail="E   assert 1 == 2\n```", sha=NEW),
    )
    failed = result(outcome="failed", error="the tests fail", verifications=runs)
    report = Report(head_sha=NEW, saved_branch="forgehand/unfinished-j")
    shown = comment(
        ended(State.FAILED, result=failed, report=report, error="the tests fail. Look at @them."), spent=0
    )
    assert "**Forgehand could not do this** after 1m 15s" in shown
    assert "\nThe tests fail. Look at @\u200bthem.\n" in shown
    assert "What there was is saved on the branch `forgehand/unfinished-j`." in shown
    assert "<summary>Output of the tests</summary>\n\n````text\nE   assert 1 == 2\n```\n````\n" in shown
    assert "ahead of" not in shown
    assert "Cost" not in shown


def test_failing_tests_are_a_headline_fact_even_of_a_success():
    runs = (Verification(command="make test", exit_code=2, seconds=3, tail="boom", sha=NEW),)
    shown = comment(ended(State.SUCCEEDED, result=result(verifications=runs), report=REPORT))
    assert "- The repository's own tests **failed** (exit code 2): `make test`" in shown
    assert "boom" in shown


def test_a_conflict_that_needs_a_person():
    conflicts = (ConflictFact(path="a.py", kind="content", why="no resolver would"),)
    rebase = RebaseFacts(
        outcome="conflicted",
        old_tip=OLD,
        new_tip=OLD,
        onto=ONTO,
        conflicts=conflicts,
        detail="a.py: 1 conflict",
    )
    shown = comment(ended(State.SUCCEEDED, result=result(rebase=rebase), report=REPORT))
    assert (
        "- **Not rebased**: it conflicts with `main` at cccccccccc, and that needs a person. A.py: 1 conflict"
        in shown
    )
    assert "| `a.py` | `content` | `nobody` | — | no resolver would |" in shown


def test_a_flood_of_conflicts_is_cut():
    conflicts = tuple(ConflictFact(path=f"{i}.py", kind="content") for i in range(60))
    rebase = RebaseFacts(outcome="conflicted", old_tip=OLD, new_tip=OLD, onto=ONTO, conflicts=conflicts)
    shown = comment(ended(State.FAILED, result=result(rebase=rebase)))
    assert shown.count("| `nobody` |") == rendering.CONFLICTS_SHOWN
    assert "| … and 10 more | | | | |" in shown


def test_a_refused_job():
    job = make_job(created_at=5.0).moved(State.REFUSED, cause="x", at=5.0, error="the text is by mallory")
    shown = comment(job, spent=0)
    assert "**Forgehand will not do this** after 0s" in shown
    assert "\nThe text is by mallory\n" in shown


def test_a_running_job_shows_how_far_it_is():
    job = walk(make_job(), State.RUNNING, phase="commit")
    shown = comment(job)
    assert "**Forgehand is working** —— [View job]" in shown
    assert re.findall(r"- \[(.)\]", shown) == ["x", "x", " ", " ", " ", " "]
    assert (
        re.findall(
            r"- \[(.)\]", comment(walk(job.model_copy(update={"state": State.RECEIVED}), State.PUBLISHING))
        )
        == ["x"] * 6
    )
    assert (
        len(re.findall(r"- \[(.)\]", comment(job.model_copy(update={"kind": "rebase", "phase": None})))) == 4
    )


@pytest.mark.parametrize("state", State)
def test_every_state_has_words_and_a_marker(state):
    job = make_job(state=state)
    assert comment(job).startswith(rendering.marker(job.id) + "\n**Forgehand ")


def test_the_fingerprint_follows_what_is_shown():
    job = walk(make_job(), State.RUNNING)
    changed = [
        job.model_copy(update=change)
        for change in ({"phase": "edit"}, {"attempt": 2}, {"state": State.QUEUED})
    ]
    assert len({rendering.fingerprint(one) for one in [job, *changed]}) == 4
    assert rendering.fingerprint(job.model_copy(update={"comment_id": 5})) == rendering.fingerprint(job)


@given(TEXT)
def test_nothing_hostile_gets_out_of_the_whole_comment(text):
    runs = (Verification(command=text, exit_code=1, seconds=1, tail=text, sha=NEW),)
    word, words = text[:100], (text[:300],)
    fact = ConflictFact(
        path=text, kind=word, resolver=None, why=text, gates=(word, word), target_intent=words, options=words
    )
    settled = fact.model_copy(update={"resolver": word})
    conflicts = (fact, settled)
    rebase = RebaseFacts(
        outcome="conflicted", old_tip=OLD, new_tip=OLD, onto=ONTO, conflicts=conflicts, detail=text
    )
    told = result(rebase=rebase, verifications=runs, agent=AgentRun(ok=True, text=text))
    report = REPORT.model_copy(update={"paths": (one_line(text, 200),), "backup_ref": None})
    job = ended(State.SUCCEEDED, result=told, report=report, error=text or None).model_copy(
        update={"branch": text, "task": Task(title=text, body=text, author="ada")}
    )
    for markdown in (comment(job), rendering.pull_body(job, job_url=URL, spent_usd=1)):
        found = tokens(markdown)
        links = [token.attrs["href"] for token in found if token.type == "link_open"]
        assert links == [URL]
        assert not [
            token for token in found if token.type in {"image", "heading_open", "hr", "blockquote_open"}
        ]
        html = [token.content for token in found if token.type.startswith("html")]
        assert all(re.fullmatch(r"(<!-- forgehand:job00000001 -->|</?details>|<details><summary>[\w ]+</summary>|</?sub>)\n?.*", one)
                   for one in html)  # fmt: skip
        assert "<b>" not in "".join(html)
        own = said(markdown).replace("#9", "").replace("#3", "")
        assert not re.search(r"[@#!][\w\[]", own)


def test_what_became_of_commits_is_told_where_it_isnt_plain():
    commits = (
        MovedCommit(old=OLD, new=NEW),
        MovedCommit(old=OLD, new=OLD, reason="already in place"),
        MovedCommit(old=OLD, new=None, reason="the target has *it*"),
        *(MovedCommit(old=OLD, new=NEW, reason=f"folded {i}") for i in range(20)),
    )
    rebase = RebaseFacts(outcome="clean", old_tip=OLD, new_tip=NEW, onto=ONTO, commits=commits)
    said = comment(ended(State.SUCCEEDED, result=result(rebase=rebase), report=REPORT))
    assert f"  - {OLD[:10]} → dropped: the target has \\*it\\*\n" in said
    assert f"  - {OLD[:10]} → {NEW[:10]}: folded 0\n" in said
    assert "  - … and 11 more\n" in said
    assert "already in place" not in said


def test_a_question_names_both_sides_and_the_answers():
    fact = ConflictFact(
        path="a.py", kind="modify/delete", target_intent=("Remove @it",), agent_intent=("Mend it",),
        options=("keep-deleted: it stays away",),
    )  # fmt: skip
    rebase = RebaseFacts(outcome="conflicted", old_tip=OLD, new_tip=OLD, onto=ONTO, conflicts=(fact,))
    said = comment(ended(State.FAILED, result=result(rebase=rebase)))
    assert "What is asked about `a.py`:" in said
    assert "- the branch: Mend it\n" in said
    assert "- possible: keep-deleted: it stays away\n" in said
    assert "@it" not in said
