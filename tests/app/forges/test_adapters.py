"""What holds for every adapter: both contracts fulfilled, as the type checker sees it, and the same files."""

from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[3]
ADAPTERS = {"gitea": "Gitea", "forgejo": "Forgejo", "github": "GitHub"}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), ADAPTERS.items())
def test_an_adapter_fulfils_both_contracts(kind, name, tmp_path):
    snippet = tmp_path / "both.py"
    snippet.write_text(
        f"from app.forges.{kind}.adapter import {name}\n"
        "from app.forges.port import Connector, Forge\n"
        f"def forge(found: {name}) -> Forge:\n    return found\n"
        f"def connector(found: {name}) -> Connector:\n    return found\n"
    )
    cache = ROOT / ".mypy_cache"
    said, errors, _ = api.run(
        ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(cache), str(snippet)]
    )
    assert not errors
    assert f"{snippet}" not in said, said
    assert "both.py" not in said, said


@pytest.mark.parametrize("kind", ADAPTERS)
def test_adapters_have_the_same_files(kind):
    files = {path.name for path in (ROOT / "app" / "forges" / kind).glob("*.py")}
    assert {"__init__.py", "adapter.py", "connect.py", "payloads.py"} <= files
