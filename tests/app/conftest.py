"""A real Redis for the whole session, empty for every test."""

import shutil
import tempfile
from pathlib import Path

import pytest

from app.store.attempts import Attempts
from app.store.connection import EmbeddedRedis, connect
from app.store.deliveries import Deliveries
from app.store.jobs import Jobs
from app.store.tasks import queue

MEMORY = Path("/dev/shm")


@pytest.fixture(scope="session")
def redis_url():
    # in memory where there is such a place: it waits for the disk after every write
    folder = Path(tempfile.mkdtemp(prefix="fh-redis-", dir=MEMORY if MEMORY.is_dir() else None))
    server = EmbeddedRedis(folder)
    server.start()
    yield server.url
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def redis(redis_url):
    connection = connect(redis_url)
    connection.flushall()
    yield connection
    connection.close()


@pytest.fixture
def jobs(redis):
    return Jobs(redis)


@pytest.fixture
def attempts(redis, jobs):
    return Attempts(redis, jobs)


@pytest.fixture
def deliveries(redis):
    return Deliveries(redis, memory_days=7)


@pytest.fixture
def queued(redis):
    """What stands in the task queue, as (task's short name, argument), oldest first."""
    return lambda: [(job.func_name.rpartition(".")[2], job.args[0]) for job in queue(redis).jobs]
