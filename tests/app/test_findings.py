import pytest

from app.doctor import Section
from app.findings import Findings, doctor_json
from app.forges.port import Finding

GOOD = Finding(what="it is there", ok=True)
BAD = Finding(what="the [red]token[/red]\nis\x1b[31m valid", ok=False, remedy="make one: https://x/[bold]")


@pytest.mark.parametrize("to_stderr", [True, False])
def test_lines_where_no_terminal_is(capsys, to_stderr):
    out = Findings(to_stderr=to_stderr)
    out.section(Section(title="home: ada/demo", findings=(GOOD, BAD)))
    out.next(["do [this]"])
    shown = capsys.readouterr()
    text = shown.err if to_stderr else shown.out
    assert text.splitlines() == [
        "home: ada/demo",
        "✓ it is there",
        "✗ the [red]token[/red] is [31m valid",
        "  → make one: https://x/[bold]",
        "do [this]",
    ]
    assert (shown.out if to_stderr else shown.err) == ""


def test_a_table_in_a_terminal(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    Findings(to_stderr=False).section(Section(title="service", findings=(GOOD, BAD)))
    text = capsys.readouterr().out
    assert "\x1b[32m✓\x1b[0m" in text
    assert "→ make one" in text
    assert "the [red]token[/red] is [31m valid" in text


def test_for_machines():
    shown = doctor_json([Section(title="a", findings=(GOOD,)), Section(title="b", findings=(GOOD, BAD))])
    assert (shown["ok"], [one["ok"] for one in shown["sections"]]) == (False, [True, False])
    assert shown["sections"][1]["findings"][1]["remedy"] == BAD.remedy
