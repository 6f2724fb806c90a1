"""What a rehearsal is made of: scripts that match a prompt and say what the model does, step by step.

A scenario is data and can be read from a JSON file. The first script whose every pattern is found in the prompt
is played; one without patterns matches everything. Unknown keys are an error.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError


class Part(BaseModel):
    """Parsed once, never changed; a misspelt key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Say(Part):
    """The model says something. Without a tool in the same step this ends its turn."""

    do: Literal["say"] = "say"
    text: str


class Use(Part):
    """The model calls a tool. `{cwd}` in a string of the input becomes the agent's working directory."""

    do: Literal["use"] = "use"
    tool: str
    input: dict[str, JsonValue]


class Swap(Part):
    """One regular-expression replacement in a file."""

    pattern: str
    replacement: str


class Rewrite(Part):
    """The model edits a file as it last read it: one Edit call over the lines that the swaps change.

    Where the file wasn't read or nothing matches, it says so instead: a rehearsal doesn't pretend either.
    """

    do: Literal["rewrite"] = "rewrite"
    path: str
    swaps: tuple[Swap, ...]


class Fail(Part):
    """The API answers with an error instead."""

    do: Literal["fail"] = "fail"
    status: int = Field(ge=400, le=599)
    type: str = "api_error"
    message: str = "rehearsed error"


class Hang(Part):
    """The API takes the request and says nothing for so long."""

    do: Literal["hang"] = "hang"
    seconds: float = Field(gt=0, le=3600)


class Hold(Part):
    """The API waits for `POST /rehearsal/release`, at most so long, and goes on with the same step."""

    do: Literal["hold"] = "hold"
    seconds: float = Field(default=60.0, gt=0, le=3600)


Action = Annotated[Say | Use | Rewrite | Fail | Hang | Hold, Field(discriminator="do")]
Step = tuple[Action, ...]
"""What one answer of the model consists of."""


class Script(Part):
    """The steps to play for a prompt in which all patterns are found."""

    when: tuple[str, ...] = ()
    steps: tuple[Step, ...] = Field(min_length=1)


class ConflictRule(Part):
    """How to settle a hunk whose sides contain these texts: with the agent's lines, changed by the swaps."""

    target_has: str
    agent_has: str
    swaps: tuple[Swap, ...] = ()
    why: str


class Scenario(Part):
    """A whole rehearsal."""

    name: str
    scripts: tuple[Script, ...] = ()
    conflicts: tuple[ConflictRule, ...] = ()


class ScenarioError(Exception):
    """The scenario file can't be used; the message says what to mend."""


def load(path: Path) -> Scenario:
    """Read a scenario from JSON; `ScenarioError` where it isn't one."""
    try:
        return Scenario.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ScenarioError(f"The scenario file {path} can't be read: {error.strerror}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise ScenarioError(f"The scenario file {path} is wrong at {where}: {first['msg']}.") from error
