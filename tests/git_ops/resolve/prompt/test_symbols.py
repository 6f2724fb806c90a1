from git_ops.resolve.prompt.codec import Codec
from git_ops.resolve.prompt.symbols import enclosing

CLASS = """\
import os


class Car:
    def start(self):
        self.on = True

    def stop(self):
        first()
        {}
        last()


def other():
    pass
"""
UTF_8 = Codec("utf-8")


def test_method_around_the_hunk_in_all_versions(situation):
    versions = [{"f.py": CLASS.format(text)} for text in ("go()", "go(1)", "go(2)")]
    (conflict,), _ = situation(*versions)
    blocks = dict(enclosing(conflict, UTF_8))
    assert list(blocks) == [f"h1-definition-in-{role}" for role in ("BASE", "TARGET", "AGENT")]
    assert (
        blocks["h1-definition-in-TARGET"]
        == "    def stop(self):\n        first()\n        go(1)\n        last()\n"
    )


def test_hunks_in_one_definition_share_it(situation):
    body = "def f():\n    a = {0}\n" + "    pass\n" * 10 + "    b = {0}\n    return\n"
    versions = [{"f.py": body.format(text)} for text in "123"]
    (conflict,), _ = situation(*versions)
    assert len(conflict.hunks) == 2
    assert "h1-h2-definition-in-BASE" in dict(enclosing(conflict, UTF_8))


def test_nothing_around_nothing_known(situation):
    (conflict,), _ = situation({"f.py": "x = 1\n"}, {"f.py": "x = 2\n"}, {"f.py": "x = 3\n"})
    assert enclosing(conflict, UTF_8) == []


def test_prose_has_no_definitions(situation):
    versions = [{"f.txt": CLASS.format(text)} for text in ("go()", "go(1)", "go(2)")]
    (conflict,), _ = situation(*versions)
    assert enclosing(conflict, UTF_8) == []
