"""docs/settings.md, made from the settings themselves; a test holds the file to it."""

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from app.settings import PREFIX, ForgeSettings, Settings

_HEAD = """# Settings

Made by `forgehand settings --reference`; don't edit by hand. Every setting is an environment variable or a line in
`.env` (or in the file that `FORGEHAND_ENV_FILE` names); the environment goes first. Lists and tables are JSON. Secrets
are never printed, and are plain ASCII without white space. Addresses are `http://` or `https://`, a host, and where
needed a port and a path, nothing else.

`forgehand serve` takes a changed file over by itself, except for `data_dir`, `redis_url`, `host` and `port`, as long as
a service could start with it (`forgehand settings --check` says whether); otherwise, and where the file is gone or
empty, it goes on with what it has, and its log says `settings_not_taken` and why. `forgehand web` and `forgehand
worker`, started by themselves, read their settings only once: restart them.

"""

_FORGES = """

## Forges

`forgehand connect` writes these ([connecting.md](connecting.md)). `<NAME>` is yours to choose: letters, digits, `-`,
and single `_`. In webhooks it is in lower case: `…/webhooks/<name>/<owner>/<repo>`, or `…/webhooks/<name>` for one of
several repositories.

"""


def markdown() -> str:
    """The whole page."""
    table = [
        _row(PREFIX + name.upper(), field)
        for name, field in Settings.model_fields.items()
        if name != "forges"
    ]
    forge = [
        _row(f"{PREFIX}FORGES__<NAME>__{name.upper()}", field)
        for name, field in ForgeSettings.model_fields.items()
    ]
    rows = "| setting | default | what it is |\n|---|---|---|\n"
    return f"{_HEAD}{rows}" + "\n".join(table) + f"{_FORGES}{rows}" + "\n".join(forge) + "\n"


def _row(name: str, field: FieldInfo) -> str:
    text = " ".join((field.description or "").split())
    return f"| `{name}` | {_default(field)} | {text} |"


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "required" if field.default_factory is None else "none"
    return "none" if field.default is None else f"`{field.default}`"
