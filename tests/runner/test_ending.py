import pytest

from runner.ending import Deadline, Interrupt
from runner.errors import Cancelled, Fenced, OutOfTime


def test_the_first_reason_counts():
    interrupt = Interrupt()
    interrupt.check()
    interrupt.trigger(Cancelled("first"))
    interrupt.trigger(Fenced("second"))
    with pytest.raises(Cancelled, match="first"):
        interrupt.check()


def test_a_deadline_tells_what_is_left_or_that_nothing_is():
    assert 9 < Deadline(10).left() <= 10
    with pytest.raises(OutOfTime, match="timeout_seconds"):
        Deadline(-1).left()
