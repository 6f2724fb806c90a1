"""`forgehand connect` and `doctor` as a person types them: a folder with its `.env`, and a forge that may be a real one."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from werkzeug.serving import make_server

from app.settings_file import read
from tests.support.adapters import KIND
from tests.support.forge import Person, RunningForge

BOT_SCOPES = ("write:repository", "write:issue", "read:user")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Somebody with a shell in a folder of their own."""

    folder: Path
    port: int = field(default_factory=free_port)

    @property
    def env_file(self) -> Path:
        return self.folder / ".env"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        return kept | {"FORGEHAND_PORT": str(self.port), "ANTHROPIC_API_KEY": "no-real-key"}

    def run(
        self, *words: str, typed: str = "", code: str = "", env: Mapping[str, str] | None = None
    ) -> Answer:
        """Run a command; `code` is Python that runs before it in the same process."""
        begin = (
            f"import sys; sys.argv = ['forgehand', *sys.argv[1:]]\n{code}\nfrom app.cli import main; main()"
        )
        done = subprocess.run(
            [sys.executable, "-c", begin, *words],
            cwd=self.folder,
            env={**self.environment(), **(env or {})},
            input=typed,
            text=True,
            capture_output=True,
            timeout=150,
            check=False,
        )
        return Answer(code=done.returncode, out=done.stdout, err=done.stderr)

    def connect(self, forge: RunningForge, repo: str, bot: Person, *words: str, **options: Any) -> Answer:
        kind = ("connect", KIND, "--url", forge.url, "--repo", repo, "--public-url", self.url)
        return self.run(*kind, "--json", *words, typed=bot.token + "\n", **options)

    def settings(self) -> dict[str, str]:
        return read(self.env_file)

    def secrets(self, repo: str, name: str = KIND) -> list[str]:
        table = json.loads(self.settings()[f"FORGEHAND_FORGES__{name.upper()}__REPO_SECRETS"])
        return next((found for key, found in table.items() if key.lower() == repo.lower()), [])

    @contextlib.contextmanager
    def serving(self) -> Iterator["subprocess.Popen[bytes]"]:
        """The service, until the block ends; its log is `serve.log`."""
        with (self.folder / "serve.log").open("ab") as log:
            argv = [sys.executable, "-m", "app.cli", "serve"]
            service = subprocess.Popen(argv, cwd=self.folder, env=self.environment(), stderr=log)
        try:
            self.until("the service answers", self._answers)
            yield service
        finally:
            service.terminate()
            service.wait(60)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def log(self) -> str:
        return (self.folder / "serve.log").read_text()

    @staticmethod
    def soon(check: Any, seconds: float = 3) -> bool:
        """Whether it comes true within seconds."""
        end = time.monotonic() + seconds
        while not (found := check()) and time.monotonic() < end:
            time.sleep(0.1)
        return bool(found)

    @staticmethod
    def until(what: str, check: Any, seconds: float = 60) -> Any:
        end = time.monotonic() + seconds
        while not (found := check()):
            assert time.monotonic() < end, f"waited too long until {what}"
            time.sleep(0.1)
        return found


class Another:
    """Something that answers at a port as the web process of a Forgehand does."""

    def __init__(self, port: int) -> None:
        self._server = make_server("127.0.0.1", port, self._answer)

    @staticmethod
    def _answer(environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Type", "text/plain")])
        return [b"ok\n"]

    def __enter__(self) -> None:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def our_hooks(owner: Person, repo: str, operator: Operator) -> list[dict[str, Any]]:
    """The repository's webhooks that call this operator's service, as the forge lists them."""
    found = owner.api("GET", f"/repos/{repo}/hooks")
    return [hook for hook in found if re.match(rf"{operator.url}/", hook["config"]["url"])]
