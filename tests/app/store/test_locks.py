import subprocess
import sys
import time

import pytest

from app.store import keys
from app.store.locks import BusyError, lease


def test_only_one_holds_it(redis):
    with lease(redis, "job:1", seconds=5):
        with pytest.raises(BusyError, match="job:1"), lease(redis, "job:1", seconds=5):
            pass
        with lease(redis, "job:2", seconds=5):
            pass
    with lease(redis, "job:1", seconds=5):
        pass


def test_it_is_given_back_after_an_error(redis):
    with pytest.raises(ZeroDivisionError), lease(redis, "x", seconds=5):
        _ = 1 / 0
    assert not redis.exists(keys.lock("x"))


def test_it_is_renewed_while_the_work_goes_on(redis):
    with lease(redis, "x", seconds=0.3):
        time.sleep(0.8)
        with pytest.raises(BusyError), lease(redis, "x", seconds=0.3):
            pass


def test_who_waits_gets_it_when_it_is_free(redis):
    redis.set(keys.lock("x"), "somebody", px=200)
    with lease(redis, "x", seconds=5, wait_seconds=5):
        pass
    redis.set(keys.lock("x"), "somebody", px=5000)
    with pytest.raises(BusyError), lease(redis, "x", seconds=5, wait_seconds=0.1):
        pass


def test_losing_it_is_survived_and_takes_nothing_from_the_next_holder(redis):
    with lease(redis, "x", seconds=5):
        redis.set(keys.lock("x"), "somebody else", px=5000)
    assert redis.get(keys.lock("x")) == b"somebody else"


HOLDER = """
import sys, time
from app.store.connection import connect
from app.store.locks import lease
with lease(connect(sys.argv[1]), "x", seconds=1):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_holder_lets_go_by_itself(redis, redis_url):
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, redis_url], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BusyError), lease(redis, "x", seconds=1):
            pass
        holder.kill()
    with lease(redis, "x", seconds=1, wait_seconds=10):
        pass
