from git_ops.verify import GATES, Gate, needs_command


def test_every_gate_says_in_one_line_what_it_holds():
    assert set(GATES) == {
        "path-set", "marker-lines", "outside-hunks", "parses", "no-duplicates", "changes-preserved",
        "end-tree", "range-diff", "stale-symbols", "repository-command",
    }  # fmt: skip
    assert all(meaning and "\n" not in meaning for meaning in GATES.values())


def test_only_the_third_tier_needs_the_command():
    assert needs_command(
        [Gate(name="parses", passed=True), Gate(name="outside-hunks", passed=True, tier="3")]
    )
    assert not needs_command(
        [Gate(name="outside-hunks", passed=True, tier=tier) for tier in ("1", "2", None)]
    )
