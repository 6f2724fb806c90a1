"""The embedded forge beside a real Gitea 1.22: the same calls, the same statuses, shapes and refusals.

Runs where FORGEHAND_TEST_FORGE is `gitea` and FORGEHAND_TEST_FORGE_URL and …_TOKEN (of a site administrator) name one.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.app.demo.forge_calls.everything import play
from tests.support.forge import Person, RunningForge

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.environ.get("FORGEHAND_TEST_FORGE") != "gitea" or "FORGEHAND_TEST_FORGE_URL" not in os.environ,
        reason="set FORGEHAND_TEST_FORGE=gitea, …_URL and …_TOKEN to a real Gitea",
    ),
]

KNOWN = {
    "labels refused to a reader": "Gitea sends its HTML error page behind the 403",
    "label ids as text": "the JSON decoders word it differently",
    "hook events as text": "the JSON decoders word it differently",
    "hook url as number": "the JSON decoders word it differently",
    "hook for slack": "only types with Gitea's own payloads are served",
    "hooks": "one fewer: that of Slack",
    "review of a commit that isn't there": "afterwards Gitea keeps half of it as a pending review",
}
"""Calls whose answers may differ beyond their status, and why; those of `STATUSES` in that as well."""
STATUSES = {"hook for slack"}


@pytest.fixture(scope="module")
def real() -> Iterator[RunningForge]:
    found = RunningForge(data=Path(), url=os.environ["FORGEHAND_TEST_FORGE_URL"].rstrip("/"))
    found.admin = Person(found, "", os.environ["FORGEHAND_TEST_FORGE_TOKEN"])
    yield found
    found.http.close()


def test_the_same_calls_give_the_same_answers(forge: RunningForge, real: RunningForge) -> None:
    wanted, given = play(real).found, play(forge).found
    assert len(wanted) > 400
    assert wanted.keys() == given.keys()
    differences = {
        name: {"gitea": wanted[name], "embedded": given[name]}
        for name in wanted
        if wanted[name] != given[name] and not _known(name, wanted[name], given[name])
    }
    lines = [f"{name}: {first_difference(**both)}" for name, both in differences.items()]
    assert not differences, f"{len(differences)} of {len(wanted)} differ:\n" + "\n".join(lines)


def first_difference(gitea: Any, embedded: Any) -> str:
    """Where the two part, with what each has there."""
    if isinstance(gitea, list | tuple) and isinstance(embedded, list | tuple) and len(gitea) == len(embedded):
        for one, other in zip(gitea, embedded, strict=True):
            if one != other:
                return first_difference(one, other)
    return f"Gitea {json.dumps(gitea)[:300]}, embedded {json.dumps(embedded)[:300]}"


def _known(name: str, wanted: Any, given: Any) -> bool:
    return name in KNOWN and (name in STATUSES or wanted[0] == given[0])
