"""`git_ops` can be installed by itself: what it imports is what its own pyproject.toml names, and no more."""

import ast
import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
OWN = tomllib.loads((ROOT / "git_ops" / "pyproject.toml").read_text())["project"]
WHOLE = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAMES = {"git": "gitpython", "yaml": "pyyaml", "ruamel": "ruamel.yaml"}


def imported():
    for path in (ROOT / "git_ops").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from (alias.name.split(".")[0] for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module.split(".")[0]


def plain(requirement):
    return re.split(r"[<>=;\[ ]", requirement, maxsplit=1)[0].lower()


def test_what_is_imported_is_what_is_named():
    foreign = set(imported()) - set(sys.stdlib_module_names) - {"git_ops"}
    needed = {NAMES.get(name, name).replace("_", "-") for name in foreign}
    named = {plain(one) for one in OWN["dependencies"] + OWN["optional-dependencies"]["claude"]}
    assert needed == named


def test_the_whole_asks_for_the_same_versions():
    whole = {plain(one): one for one in WHOLE["dependencies"]}
    for one in OWN["dependencies"] + OWN["optional-dependencies"]["claude"]:
        assert whole[plain(one)] == one
    assert (OWN["version"], OWN["requires-python"]) == (WHOLE["version"], WHOLE["requires-python"])
