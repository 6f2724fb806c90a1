from contextlib import ExitStack

import pytest

from app.store.connection import connect
from tests.support.web import running_web


@pytest.fixture
def serve(redis, tmp_path):
    """`serve(parts, …settings)` starts a web process of its own."""
    with ExitStack() as stack:
        yield lambda parts=None, **changes: stack.enter_context(
            running_web(redis, tmp_path, parts, **changes)
        )


@pytest.fixture(scope="session")
def shared_web(redis_url, tmp_path_factory):
    connection = connect(redis_url)
    with running_web(connection, tmp_path_factory.mktemp("web")) as found:
        yield found
    connection.close()


@pytest.fixture
def web(redis, shared_web):
    """The web process with plain settings, and an empty store."""
    return shared_web
