"""Runs the forge: one gunicorn worker with threads, on a socket that is listening before anything is announced."""

import logging
import socket
import sys
from pathlib import Path
from typing import Any

from flask import Flask
from gunicorn.app.base import BaseApplication

from app.demo.forge.api import api
from app.demo.forge.api.http import unrouted
from app.demo.forge.database import Database
from app.demo.forge.delivery import Postman
from app.demo.forge.git_http import git_http
from app.demo.forge.pages import pages
from app.demo.forge.world import Forge

THREADS = 16
HOST = "127.0.0.1"


def database(data: Path) -> Database:
    """Open the database of a forge's data folder, making both where they are not there."""
    return Database(data / "forge.sqlite3")


def build(forge: Forge) -> Flask:
    """The forge as a WSGI application."""
    app = Flask(__name__)
    app.extensions["forge"] = forge
    app.json.sort_keys = False  # type: ignore[attr-defined]  # the default provider has it, its base class doesn't
    for code in (404, 405):
        app.register_error_handler(code, unrouted)
    for blueprint in (api, git_http, pages):
        app.register_blueprint(blueprint)
    return app


class Server(BaseApplication):
    """The gunicorn application: opens the database and starts the webhooks in the worker, not in the master."""

    def __init__(self, data: Path, url: str, descriptor: int) -> None:
        self._data, self._url, self._descriptor = data, url, descriptor
        self._postman: Postman | None = None
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": f"fd://{self._descriptor}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "timeout": 0,
            "graceful_timeout": 5,
            "keepalive": 15,
            "control_socket_disable": True,
            "proc_name": "forge",
            "when_ready": self._announce,
            "worker_exit": self._leave,
            "loglevel": "warning",
        }
        for key, value in settings.items():
            self.cfg.set(key, value)

    def load(self) -> Any:  # a Flask, which fits WSGI but not the stub's exact words
        forge = Forge(database(self._data), self._data, self._url)
        self._postman = Postman(forge)
        self._postman.start()
        return build(forge)

    def _announce(self, _arbiter: object) -> None:
        sys.stdout.write(f"READY {self._url}\n")
        sys.stdout.flush()

    def _leave(self, _arbiter: object, _worker: object) -> None:
        if self._postman:
            self._postman.stop()


def serve(data: Path, port: int) -> None:
    """Serve until SIGTERM or SIGINT; port 0 takes a free one. Raise `OSError` where the port is taken."""
    logging.basicConfig(level=logging.WARNING, format="forge: %(message)s")
    database(data).close()  # a data folder that can't be used shows before anything listens
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        descriptor = listener.detach()  # gunicorn closes it
    Server(data, url, descriptor).run()
