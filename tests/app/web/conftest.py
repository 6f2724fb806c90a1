"""The service's Flask application, served over HTTP on loopback by threads of this process."""

import threading
from dataclasses import dataclass, replace

import httpx
import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from app.domain.job import State
from app.jobs.desk import Desk
from app.store.attempts import new_token
from app.web.broker.claude import UPSTREAM
from app.web.factory import create_app
from tests.support.desk import API_TOKEN, make_desk, make_job, settings, walk


class QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_):
        pass


@dataclass
class Web:
    """A running service: its address, its parts, and a client without any credential."""

    url: str
    desk: Desk
    http: httpx.Client

    def people(self, path, **options):
        return self.http.get(path, headers={"Authorization": f"Bearer {API_TOKEN}"}, **options)

    def runner(self, method, path, token, **options):
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return self.http.request(method, f"/broker{path}", headers=headers, **options)

    def start_job(self, state=State.RUNNING, **changes):
        """Put a job at work; give it and its token."""
        job = walk(make_job(**changes), state)
        self.desk.jobs.create(job, trigger=job.id, tasks=[])
        token = new_token()
        with self.desk.redis.pipeline() as pipe:
            self.desk.attempts.issue(pipe, token, job.id, 1, seconds=60)
            pipe.execute()
        return job, token


@pytest.fixture
def serve(redis, tmp_path):
    """`serve(…settings)` starts a web process of its own; `parts` are what the desk is made of."""
    started = []

    def start(parts=None, **changes):
        desk = make_desk(redis, settings(tmp_path, **changes), **(parts or {}))
        app = create_app(desk)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=QuietHandler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        client = httpx.Client(base_url=url, timeout=20, trust_env=False)
        started.append((server, thread, client, app))
        return Web(url, replace(desk), client)

    yield start
    for server, thread, client, app in started:
        client.close()
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions[UPSTREAM].close()


@pytest.fixture
def web(serve):
    return serve()
