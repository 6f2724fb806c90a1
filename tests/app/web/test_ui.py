from app.domain.job import Report, State
from runner.protocol import (
    ConflictFact,
    HunkFact,
    LogEvent,
    MovedCommit,
    PhaseEvent,
    RebaseFacts,
    Result,
    Task,
)
from tests.support.desk import make_job, walk

NASTY = "<script>alert(1)</script>\"' onload=x &amp; {{ 7 * 7 }}"


def put(web, state=State.RUNNING, **changes):
    job = walk(make_job(), state, **changes)
    return web.desk.jobs.create(job, trigger=job.id, tasks=[])


def test_no_job_yet(web):
    assert "No job yet" in web.people("/").text


def test_a_job_in_the_list_and_on_its_page(web):
    report = Report(
        head_sha="a" * 40, pull_number=4, pull_url="http://forge/4", commits=1, files=2, added=3, removed=1
    )
    job = put(web, State.SUCCEEDED, report=report)
    assert f'href="/jobs/{job.id}"' in web.people("/").text
    page = web.people(f"/jobs/{job.id}").text
    assert '<a href="http://forge/4">Pull request #4</a>' in page
    for state in ("received", "queued", "launching", "running", "publishing", "succeeded"):
        assert f'<td class="state {state}">{state}</td>' in page
    assert "http-equiv" not in page  # it has ended: nothing to reload


def test_a_running_job_reloads_itself_and_shows_its_log(web):
    job = put(web)
    events = (
        PhaseEvent(seq=1, at=1.0, phase="clone"),
        LogEvent(seq=2, at=1.0, source="tool", text="Edit a.py"),
    )
    web.desk.attempts.record(job, events)
    page = web.people(f"/jobs/{job.id}").text
    assert '<meta http-equiv="refresh"' in page
    assert "<pre>Edit a.py</pre>" in page
    assert "clone" in page


def test_hostile_words_are_only_shown(web):
    words = {"target_intent": (NASTY,), "agent_intent": (NASTY,), "options": (NASTY,)}
    hunk = HunkFact(base=NASTY, target=NASTY, agent=NASTY, result=NASTY)
    fact = ConflictFact(
        path=NASTY, kind="content", resolver=NASTY, why=NASTY, gates=(NASTY,), hunks=(hunk,), **words
    )
    rebase = RebaseFacts(
        outcome="conflicted", old_tip="a" * 40, new_tip="a" * 40, onto="b" * 40, conflicts=(fact,),
        commits=(MovedCommit(old="a" * 40, new=None, reason=NASTY),), range_diff=NASTY,
    )  # fmt: skip
    job = put(
        web,
        task=Task(title=NASTY, body=NASTY, author="x", request=""),
        branch=NASTY,
        error=NASTY,
        result=Result(outcome="failed", rebase=rebase),
    )
    web.desk.attempts.record(job, (LogEvent(seq=1, at=1.0, source="agent", text=NASTY),))
    for path in ("/", f"/jobs/{job.id}"):
        page = web.people(path).text
        assert "<script" not in page
        assert "onload=x" not in page.replace("&#39; onload=x", "")
        assert "&lt;script&gt;" in page
        assert "49" not in page.replace(job.id, "").split("<body>")[1].split("Timeline")[0]


def test_a_browser_is_told_to_run_nothing(web):
    headers = web.people("/").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


def test_an_unknown_job(web):
    assert web.people("/jobs/nobody12").status_code == 404
