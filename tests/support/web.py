"""The service's Flask application, served over HTTP on loopback by threads of this process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from werkzeug.serving import WSGIRequestHandler, make_server

from app.domain.job import Job, State
from app.jobs.desk import Desk
from app.store.attempts import new_token
from app.store.connection import Redis
from app.web.broker.claude import UPSTREAM
from app.web.factory import create_app
from tests.support.desk import API_TOKEN, make_desk, make_job, settings, walk


@dataclass
class Web:
    """A running web process: its address, its parts, and a client without any credential."""

    url: str
    desk: Desk
    http: httpx.Client

    def people(self, path: str, **options: Any) -> httpx.Response:
        """GET as somebody who holds the API token."""
        return self.http.get(path, headers={"Authorization": f"Bearer {API_TOKEN}"}, **options)

    def runner(self, method: str, path: str, token: str, **options: Any) -> httpx.Response:
        """A request to the broker with a job token."""
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        return self.http.request(method, f"/broker{path}", headers=headers, **options)

    def start_job(self, state: State = State.RUNNING, **changes: Any) -> tuple[Job, str]:
        """Put a job at work; give it and its token."""
        job = walk(make_job(**changes), state)
        self.desk.jobs.create(job, trigger=job.id, tasks=[])
        token = new_token()
        with self.desk.redis.pipeline() as pipe:
            self.desk.attempts.issue(pipe, token, job.id, 1, seconds=60)
            pipe.execute()
        return job, token


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None:
        pass


@contextmanager
def running_web(
    redis: Redis, folder: Path, parts: dict[str, Any] | None = None, **changes: Any
) -> Iterator[Web]:
    """Serve with these settings; `parts` are what the desk is made of."""
    desk = make_desk(redis, settings(folder, **changes), **(parts or {}))
    app = create_app(desk)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        with httpx.Client(base_url=url, timeout=20, trust_env=False, verify=False) as client:
            yield Web(url, desk, client)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions[UPSTREAM].close()
