"""What situations are made of: versions of files, and what is expected of the rules alone."""

import dataclasses


def link(to):
    return "120000", to


def submodule(digit):
    return "160000", digit * 40


def script(text):
    return "100755", text


def numbered(word="line", count=12):
    return "".join(f"{word} {i} of {count}\n" for i in range(1, count + 1))


def edited(text, number, new):
    """The text with its line of that number (from 1) replaced."""
    lines = text.splitlines(keepends=True)
    lines[number - 1] = new + "\n"
    return "".join(lines)


def moved(files, old, new):
    """The changes that move every file of a directory to another one."""
    return dict.fromkeys(files) | {path.replace(old, new, 1): text for path, text in files.items()}


L, M = numbered(), numbered("other")
T, A = edited(L, 3, "target's"), edited(L, 3, "agent's")
A9 = edited(L, 9, "agent's")
T_A9 = edited(T, 9, "agent's")
DIR = {f"d/{i}.py": numbered(f"file {i}") for i in range(4)}
KEEP = {"keep": "kept\n"}
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12\n"
LONG = numbered(count=20)
REWRITTEN = "".join(f"line {i} of 20\n" if 6 <= i <= 13 else f"quite new {i}\n" for i in range(1, 21))
"""Two fifths of it: less than Git takes for a rename."""
LOCK = '{{\n  "name": "x",\n  "lockfileVersion": 3,\n  "needs": "{}"\n}}\n'
SUM = "{} {} h1:{}=\n{} {}/go.mod h1:{}=\n"


def hashes(*modules):
    return "".join(SUM.format(m, v, h, m, v, h) for m, v, h in modules)


@dataclasses.dataclass(frozen=True)
class Situation:
    name: str
    base: dict
    target: dict
    agent: dict
    kinds: dict
    """Path to kind; empty: Git merges it, and it is no conflict at all."""
    stages: dict = dataclasses.field(default_factory=dict)
    """Path (`~` for a name that Git made up) to the numbers of its stages."""
    result: dict | None = None
    why: str = ""
    options: tuple = ()


SIDES = ("keep-target", "take-agent")
BOTH = (*SIDES, "keep-both")
