import importlib
import json
import zlib

import pytest

from app.store.tasks import QUEUE, Task, enqueue, enqueue_once, queue, taken


@pytest.mark.parametrize("task", Task)
def test_every_name_is_a_function(task):
    module, _, name = task.rpartition(".")
    assert callable(getattr(importlib.import_module(module), name))


def test_a_task_carries_one_id_and_is_stored_as_json(redis):
    enqueue(redis, Task.LAUNCH, "job12345")
    (job,) = queue(redis).jobs
    assert (job.func_name, job.args, job.kwargs) == (Task.LAUNCH, ["job12345"], {})
    stored = zlib.decompress(redis.hget(f"rq:job:{job.id}", "data"))
    assert json.loads(stored) == [Task.LAUNCH, None, ["job12345"], {}]


def test_a_task_in_a_pipeline_happens_with_it_or_not_at_all(redis):
    with redis.pipeline() as pipe:
        enqueue(redis, Task.LAUNCH, "job12345", pipeline=pipe)
        assert queue(redis).jobs == []
        pipe.reset()
        assert queue(redis).jobs == []
        enqueue(redis, Task.LAUNCH, "job12345", pipeline=pipe)
        pipe.execute()
    assert [job.args[0] for job in queue(redis).jobs] == ["job12345"]
    assert queue(redis).name == QUEUE


def test_what_waits_already_is_not_asked_for_twice(redis, queued):
    for _ in range(5):
        enqueue_once(redis, Task.LAUNCH, "job00000001")
    enqueue_once(redis, Task.LAUNCH, "job00000002")
    assert queued() == [("launch", "job00000001"), ("launch", "job00000002")]
    taken(redis, Task.LAUNCH, "job00000001")
    enqueue_once(redis, Task.LAUNCH, "job00000001")
    assert len(queued()) == 3
