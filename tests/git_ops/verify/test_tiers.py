import pytest

HEAD = b"import os\n\n\ndef other():\n    return os\n\n\ndef f(a):\n    first = a\n"
TAIL = b"    return first\n\n\nclass Last:\n    pass\n"


@pytest.fixture
def python(make_case):
    return make_case(
        b"    x = 1\n", b"    x = 2\n", b"    x = 1\n    y = 3\n", path="m.py", head=HEAD, tail=TAIL
    )


def tier(case, *edits):
    text = HEAD + b"    x = 2\n    y = 3\n" + TAIL
    for old, new in edits:
        assert text.count(old) == 1
        text = text.replace(old, new)
    gate = case.gates(case.whole(text))["outside-hunks"]
    assert gate.passed
    return gate.tier


def test_identical_outside(python):
    assert tier(python) == "1"


@pytest.mark.parametrize(
    "edit",
    [
        (b"def f(a):", b"def f(a, b):"),
        (b"first = a", b"first = a + 1"),
        (b"return first", b"return y"),
        (b"    first = a\n", b""),
    ],
)
def test_edit_in_the_function_around_the_hunk(python, edit):
    assert tier(python, edit) == "2"


@pytest.mark.parametrize(
    "edit",
    [
        (b"return os", b"return 1"),
        (b"import os\n", b""),
        (b"    pass\n", b"    pass\n    z = 1\n"),
        (b"import os", b"import os\nimport re"),
    ],
)
def test_edit_elsewhere_in_the_file(python, edit):
    assert tier(python, edit) == "3"
    assert tier(python, edit, (b"first = a", b"first = a + 1")) == "3"


def test_without_a_grammar_everything_outside_is_far(make_case):
    case = make_case(b"1\n", b"2\n", b"1\n3\n", path="notes.txt")
    gate = case.gates(case.whole(b"HEAD\n2\n3\ntail\n"))["outside-hunks"]
    assert gate.tier == "3"


def test_file_that_is_changed_all_over_is_far(make_case):
    body = "".join(f"    x{i} = {i}\n" for i in range(2_500)).encode()
    case = make_case(
        b"    1\n", b"    2\n", b"    1\n    3\n", path="m.py", head=b"def f():\n" + body, tail=b"    z\n"
    )

    def tier(lines):
        return case.gates(case.whole(b"def f():\n" + lines + b"    2\n    3\n    z\n"))["outside-hunks"].tier

    assert tier(body.replace(b"x7 = 7", b"x7 = 8", 1)) == "3"  # more lines lie between than are compared
    assert tier(body.replace(b"x2499 = 2499", b"x2499 = 8")) == "2"
    assert tier(b"".join(reversed(body.splitlines(keepends=True)))) == "3"
