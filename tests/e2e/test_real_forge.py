"""The whole story on a real forge, where one is named: what only ran against our own stand-in isn't done."""

import os
import secrets

import pytest

from app.demo.stage import ForgeAdmin, Stage
from app.demo.story import Story

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

URL = os.environ.get("FORGEHAND_TEST_FORGE_URL", "")
KIND = os.environ.get("FORGEHAND_TEST_FORGE", "gitea")
LOGIN = os.environ.get("FORGEHAND_TEST_FORGE_ADMIN", "")
PASSWORD = os.environ.get("FORGEHAND_TEST_FORGE_PASSWORD", "")


@pytest.mark.skipif(
    not (URL and LOGIN and PASSWORD),
    reason="no real forge named: set FORGEHAND_TEST_FORGE_URL, _ADMIN and _PASSWORD (an administrator's)",
)
def test_the_story() -> None:
    with Stage(forge=ForgeAdmin(url=URL.rstrip("/"), login=LOGIN, password=PASSWORD, kind=KIND)) as stage:
        story = Story(stage, lambda _: None, suffix=secrets.token_hex(3))
        story.play()
        assert [step.ok for step in story.steps] == [True] * 6
        assert story.label_to_model_seconds
