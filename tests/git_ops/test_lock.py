import threading

import pytest

from git_ops.errors import Busy
from git_ops.lock import locked


def test_second_holder_waits_its_turn(tmp_path):
    order = []
    inside, leave = threading.Event(), threading.Event()

    def first():
        with locked(tmp_path / "x.lock", timeout_seconds=5):
            inside.set()
            leave.wait(5)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(5)
    with pytest.raises(Busy) as caught, locked(tmp_path / "x.lock", timeout_seconds=0):
        pass
    assert caught.value.retryable
    leave.set()
    with locked(tmp_path / "x.lock", timeout_seconds=5):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]
