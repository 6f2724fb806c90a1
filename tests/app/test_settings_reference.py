from pathlib import Path

from app.settings import ForgeSettings, Settings
from app.settings_reference import markdown

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_what_the_settings_say():
    assert PAGE.read_text() == markdown(), "forgehand settings --reference > docs/settings.md"


def test_every_setting_has_a_line_that_says_what_it_is():
    for model, prefix in ((Settings, "FORGEHAND_"), (ForgeSettings, "FORGEHAND_FORGES__<NAME>__")):
        for name in model.model_fields.keys() - {"forges"}:
            (row,) = [
                line for line in markdown().splitlines() if line.startswith(f"| `{prefix}{name.upper()}` |")
            ]
            assert row.count("|") == 4
            assert len(row.split("|")[3].strip()) > 10
