import dataclasses

from git_ops.plain import plain, printable


@dataclasses.dataclass(frozen=True)
class Value:
    name: str
    parts: tuple[str, ...]


def test_values_become_json():
    assert plain(Value("a\x1b", ("b", "c"))) == {"name": "a\\x1b", "parts": ["b", "c"]}
    assert plain({"k\udcff": frozenset({1}), "n": None}) == {"k\\udcff": [1], "n": None}


def test_lines_and_tabs_are_kept():
    assert printable("a\n\tb\r\u202e\n") == "a\n\tb\\r\\u202e\n"
