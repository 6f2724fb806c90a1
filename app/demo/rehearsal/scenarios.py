"""The rehearsals that come with the service: `story` for the demo, `generic` for any repository."""

from app.demo.rehearsal.scenario import ConflictRule, Hold, Rewrite, Say, Scenario, Script, Swap, Use

_RUN_TESTS = Use(tool="Bash", input={"command": "python3 -m unittest -q", "description": "Run the tests"})


def _read(path: str) -> Use:
    return Use(tool="Read", input={"file_path": "{cwd}/" + path})


_NEW_TEST = r"""\g<0>

    def test_lets_the_caller_choose_the_ending(self) -> None:
        self.assertTrue(greet("Ada", ending="?").endswith("Ada?"))"""

_CHOOSE_ENDING = Script(
    when=(r"choose the ending",),
    steps=(
        (
            Say(text="I'll look at the function and its tests first."),
            _read("greeter.py"),
            _read("test_greeter.py"),
        ),
        (
            Say(
                text="`ending` becomes an optional argument, so every caller of today keeps its exclamation mark."
            ),
            Rewrite(
                path="greeter.py",
                swaps=(
                    Swap(
                        pattern=r"def greet\(name: str\)",
                        replacement='def greet(name: str, ending: str = "!")',
                    ),
                    Swap(pattern=r'name \+ "!"$', replacement="name + ending"),
                ),
            ),
        ),
        (
            Rewrite(
                path="test_greeter.py",
                swaps=(Swap(pattern=r'^    """One greeting for everybody\."""$', replacement=_NEW_TEST),),
            ),
        ),
        (_RUN_TESTS,),
        (
            Hold(),
            Say(
                text='`greet()` takes an optional `ending`, `"!"` where none is given, and '
                "`test_greeter.py` covers it. The tests pass."
            ),
        ),
    ),
)

_RENAME = Script(
    when=(r"rename it to `?punctuation",),
    steps=(
        (Say(text="Let me see where `ending` is used."), _read("greeter.py"), _read("test_greeter.py")),
        (
            Rewrite(
                path="greeter.py",
                swaps=(Swap(pattern=r"\bending\b", replacement="punctuation"),),
            ),
            Rewrite(
                path="test_greeter.py",
                swaps=(Swap(pattern=r"\bending=", replacement="punctuation="),),
            ),
        ),
        (_RUN_TESTS,),
        (
            Say(
                text="The argument is called `punctuation` now, in the function and in its test. The tests pass."
            ),
        ),
    ),
)

STORY = Scenario(
    name="story",
    scripts=(_RENAME, _CHOOSE_ENDING),
    conflicts=(
        ConflictRule(
            target_has='"Good day, "',
            agent_has="ending",
            swaps=(Swap(pattern='"Hello, "', replacement='"Good day, "'),),
            why="The target changed the greeting's words, the agent made its ending an argument; "
            "they are independent, so the line has both.",
        ),
    ),
)

GENERIC = Scenario(
    name="generic",
    scripts=(
        Script(
            steps=(
                (
                    Say(text="I'll add a line to the README, which is all this rehearsal knows how to do."),
                    Use(
                        tool="Bash",
                        input={
                            "command": r"printf '\nRehearsed by Forgehand.\n' >> README.md",
                            "description": "Add a line to the README",
                        },
                    ),
                ),
                (Say(text="README.md has a new last line. This was a rehearsal: no model read the task."),),
            )
        ),
    ),
)

BUILT_IN = {scenario.name: scenario for scenario in (STORY, GENERIC)}
