from collections.abc import Iterator

import pytest

from tests.support.forge import Receiver, RunningForge, running_forge


@pytest.fixture(scope="session")
def forge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningForge]:
    """One embedded forge for all tests of it; each makes its own people and repositories."""
    with running_forge(tmp_path_factory.mktemp("forge")) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found
