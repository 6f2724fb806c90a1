"""The worker as it runs, in this process, with a real queue: only our own tasks are ever executed."""

import os
import pickle
import signal
import sys
import threading
import time
import zlib
from contextlib import suppress
from types import SimpleNamespace

import psutil
import pytest
from rq import Callback, Queue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer, PickleSerializer

from app.jobs import tasks
from app.processes import Child, TaskWorker, is_ours
from app.store.tasks import QUEUE, Task, enqueue, queue
from tests.support.desk import make_desk, settings


@pytest.fixture
def work(redis, tmp_path, monkeypatch):
    """Work off the queue as a worker does, in a forked work-horse; what a worker sets up is undone."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.setattr(tasks, "_desk", make_desk(redis, settings(tmp_path)))

    def run():
        worker = TaskWorker([queue(redis)], connection=redis, serializer=JSONSerializer)
        worker.log.setLevel("CRITICAL")
        worker.work(burst=True, logging_level="CRITICAL")
        worker.connection.connection_pool.disconnect()

    yield run
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def json_queue(redis):
    return Queue(QUEUE, connection=redis, serializer=JSONSerializer)


@pytest.mark.slow
def test_our_own_task_is_run(redis, work):
    redis.set("forgehand:lock:tick", "1")
    redis.set("forgehand:waiting:RECONCILE:", "1")  # taken away when the task begins: a sign that it ran
    enqueue(redis, Task.RECONCILE, "")
    work()
    assert not redis.exists("forgehand:waiting:RECONCILE:")
    assert queue(redis).count == 0


@pytest.mark.slow
def test_foreign_tasks_are_refused_and_dropped(json_queue, redis, work, tmp_path):
    for name, args, kwargs in (
        ("os.system", (f"touch {tmp_path}/ran",), {}),
        ("pathlib.Path.touch", (f"{tmp_path}/ran",), {}),
        ("app.jobs.tasks._run", ("x",), {}),
        ("app.jobs.tasks.bind", ("x",), {}),
        (str(Task.INTAKE), ("x", "y"), {}),
        (str(Task.INTAKE), (), {}),
        (str(Task.INTAKE), (5,), {}),
        (str(Task.INTAKE), (["x"],), {}),
        (str(Task.INTAKE), (), {"delivery_id": "x"}),
        (str(Task.INTAKE), ("x",), {"more": "y"}),
    ):
        json_queue.enqueue_call(name, args=args, kwargs=kwargs)
    ids = json_queue.job_ids
    work()
    assert not (tmp_path / "ran").exists()
    assert not any(redis.exists(f"rq:job:{one}") for one in ids)
    assert queue(redis).count == 0


@pytest.mark.slow
@pytest.mark.parametrize("callback", ["on_success", "on_failure", "on_stopped"])
def test_a_callback_makes_a_task_foreign(json_queue, work, tmp_path, callback):
    touch = Callback("pathlib.Path.touch")
    job = json_queue.enqueue_call(str(Task.INTAKE), args=(f"{tmp_path}/ran",), **{callback: touch})
    assert not is_ours(job)
    work()
    assert not (tmp_path / "ran").exists()


def test_a_method_of_an_object_is_foreign(redis):
    job = RqJob.create(str(Task.INTAKE), args=("x",), connection=redis, serializer=JSONSerializer)
    assert is_ours(job)
    job._instance = "x"
    assert not is_ours(job)


class Bomb:
    def __init__(self, path):
        self._path = path

    def __reduce__(self):
        return os.mkdir, (str(self._path),)


@pytest.mark.slow
def test_a_pickle_is_never_loaded(json_queue, redis, work, tmp_path):
    job = json_queue.enqueue_call(str(Task.INTAKE), args=("x",))
    payload = PickleSerializer.dumps((str(Task.INTAKE), None, (Bomb(tmp_path / "ran"),), {}))
    redis.hset(f"rq:job:{job.id}", "data", zlib.compress(payload))
    work()
    assert not (tmp_path / "ran").exists()
    with suppress(FileNotFoundError):
        pickle.loads(payload)
    assert (tmp_path / "ran").exists()  # the bomb would have gone off


@pytest.fixture
def child(tmp_path):
    started = []

    def run(code):
        env = {"PATH": os.environ["PATH"]}
        started.append(
            Child("test", [sys.executable, "-c", code], env=env, cwd=tmp_path, log=tmp_path / "log")
        )
        return started[-1]

    yield run
    for one in started:
        one.stop()


def until(true, seconds=10):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it didn't happen"
        time.sleep(0.01)


def test_a_child_that_dies_is_started_again_until_it_is_stopped(child, monkeypatch):
    monkeypatch.setattr("app.processes.RESTART_SECONDS", 0.05)
    found = child("import time; time.sleep(60)")
    first = found.process.pid
    found.process.kill()
    until(lambda: found.process.pid != first and found.process.poll() is None)
    second = found.process.pid
    found.stop()
    found.stop()
    assert not psutil.pid_exists(second)
    assert found.process.pid == second


@pytest.mark.parametrize(
    ("steady", "waits"), [(60.0, [0.5, 1, 2, 4, 8, 16, 30, 30]), (0.0, [0.5, 0.5, 0.5, 0.5])]
)
def test_a_child_that_dies_at_once_is_waited_for_longer_each_time(child, monkeypatch, steady, waits):
    seen = []

    class Impatient(threading.Event):
        def wait(self, timeout=None):
            seen.append(timeout)
            return super().wait(0.001)

    monkeypatch.setattr("app.processes.STEADY_SECONDS", steady)
    monkeypatch.setattr("app.processes.threading", SimpleNamespace(Event=Impatient, Thread=threading.Thread))
    found = child("")
    until(lambda: len(seen) >= len(waits))
    found.stop()
    assert seen[: len(waits)] == waits


def test_a_child_that_ignores_the_signal_is_killed(child, monkeypatch, tmp_path):
    monkeypatch.setattr("app.processes.END_SECONDS", 0.3)
    found = child(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    until(lambda: (tmp_path / "log").read_text() == "up\n")
    found.stop()
    assert found.process.wait(5) == -signal.SIGKILL
