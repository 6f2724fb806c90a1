from git_ops.resolve.prompt.signatures import changed_signatures

LIB = "def open_door(key):\n    return key\n\n\ndef close_door():\n    pass\n"
USE = "import lib\n\n\ndef main():\n    {}\n"


def test_the_other_sides_new_signature_and_who_calls_it(situation):
    base = {"lib.py": LIB, "use.py": USE.format("pass"), "more.py": "lib.open_door(2)\n"}
    target = {"lib.py": LIB.replace("(key)", "(key, *, force)"), "use.py": USE.format("go()")}
    agent = {"use.py": USE.format("lib.open_door(1)\n    lib.close_door()")}
    told = changed_signatures(*situation(base, target, agent))
    assert (
        "TARGET changed open_door in lib.py; it was: def open_door(key):\nIt is now:\ndef open_door(key, *, force):"
        in told
    )
    assert "more.py:1:lib.open_door(2)" in told
    assert "close_door in" not in told


def test_removed_by_the_agent(situation):
    base = {"lib.py": LIB, "use.py": USE.format("pass")}
    told = changed_signatures(
        *situation(
            base, {"use.py": USE.format("close_door()")}, {"lib.py": LIB[:40], "use.py": USE.format("go()")}
        )
    )
    assert "AGENT removed close_door from lib.py; it was: def close_door():" in told


def test_a_new_body_is_no_new_signature(situation):
    base = {"lib.py": LIB, "use.py": USE.format("pass")}
    target = {"lib.py": LIB.replace("return key", "return 2"), "use.py": USE.format("go()")}
    assert changed_signatures(*situation(base, target, {"use.py": USE.format("open_door(1)")})) == ""


def test_odd_files_do_no_harm(situation):
    base = {
        "a\tb.py": LIB,
        "big.py": "def open_door(): pass\n" * 20_000,
        "use.py": USE.format("pass"),
        "gone.py": LIB,
    }
    target = {"a\tb.py": b"\xff\xfe", "big.py": "x = 1\n", "gone.py": None, "use.py": USE.format("go()")}
    told = changed_signatures(*situation(base, target, {"use.py": USE.format("open_door(1)")}))
    assert "TARGET removed open_door from a\\tb.py" in told
    assert "TARGET removed open_door from gone.py" in told
    assert "from big.py" not in told
    assert "in big.py" not in told
