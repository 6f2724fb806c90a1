"""The story of the demo as plain data: the repository `demo/greeter`, what people write, what they change.

The scripted model's side of the same story is in `app.demo.rehearsal.scenarios`. `MAIN_COLLIDES` and the model's
edit of job 1 change the same line of `greeter.py`; both meanings must survive (`EXPECTED_LINE`).
"""

REPO_NAME = "greeter"

GREETER_PY = '''"""Say hello in one place, so that every door of the house sounds the same."""


def greet(name: str) -> str:
    return "Hello, " + name + "!"
'''

TEST_GREETER_PY = '''"""What every door can rely on."""

import unittest

from greeter import greet


class GreetTest(unittest.TestCase):
    """One greeting for everybody."""

    def test_ends_with_the_name(self) -> None:
        self.assertTrue(greet("Ada").endswith("Ada!"))

    def test_says_the_whole_sentence(self) -> None:
        self.assertEqual(greet("Ada"), "Hello, Ada!")


if __name__ == "__main__":
    unittest.main()
'''

README_MD = """# greeter

Says hello in one place. Run the tests with `python3 -m unittest -q`.
"""

FORGEHAND_YML = "verify: python3 -m unittest -q\n"

CLAUDE_MD = """# How we work here

- Only the standard library.
- Every change comes with a test in `test_greeter.py`.
"""

FILES = {
    "greeter.py": GREETER_PY,
    "test_greeter.py": TEST_GREETER_PY,
    "README.md": README_MD,
    ".forgehand.yml": FORGEHAND_YML,
    "CLAUDE.md": CLAUDE_MD,
}
"""The first commit, path to text."""

ISSUE_TITLE = "greet() should let the caller choose the ending"
ISSUE_BODY = """The front door wants `Hello, Ada.` and the party wants `Hello, Ada?!`, but `greet()` always ends
with an exclamation mark.

Please add an optional argument `ending` that defaults to `"!"`, with a test.
"""

MAIN_COLLIDES_SUBJECT = "Greet politely"
MAIN_COLLIDES = {
    "greeter.py": GREETER_PY.replace('"Hello, "', '"Good day, "'),
    "test_greeter.py": TEST_GREETER_PY.replace('"Hello, Ada!"', '"Good day, Ada!"'),
}
"""What a colleague merges into main while job 1 runs: path to the file's new text."""

COLLIDING_PATH = "greeter.py"
EXPECTED_LINE = '    return "Good day, " + name + ending'
"""The line after the rebase of job 1: the colleague's greeting and the asked-for ending."""

COMMENT = "@agent please rename it to `punctuation`"
EXPECTED_LINE_AFTER_COMMENT = '    return "Good day, " + name + punctuation'

MAIN_HARMLESS_SUBJECT = "Tell who keeps the greeter"
MAIN_HARMLESS = {"README.md": README_MD + "\nKept by the people at the front door.\n"}
"""A later change of main that collides with nothing."""
