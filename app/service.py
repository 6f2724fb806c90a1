"""The whole service on one machine: Redis where none is given, web and worker, each started again when it dies."""

import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from app.processes import Child, forgehand_argv
from app.settings import Settings
from app.store.connection import EmbeddedRedis


class Service:
    """Runs from `with` to its end. Runners at work outlive it, and are found again by the next one."""

    def __init__(
        self,
        settings: Settings,
        *,
        env: Mapping[str, str] | None = None,
        log_dir: Path | None = None,
        cwd: Path | None = None,
    ) -> None:
        self._settings = settings
        self._cwd = cwd or Path.cwd()
        self._env = dict(os.environ if env is None else env)
        self._log_dir = log_dir
        self._redis: EmbeddedRedis | None = None
        self.redis_url = ""
        """Known once entered."""
        self.children: dict[str, Child] = {}

    def __enter__(self) -> Self:
        data_dir = self._settings.data_dir.absolute()
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._settings.redis_url is None:
            self._redis = EmbeddedRedis(data_dir)
            self._redis.start()
            self.redis_url = self._redis.url
        else:
            self.redis_url = self._settings.redis_url.get_secret_value()
        self._env["FORGEHAND_REDIS_URL"] = self.redis_url
        self._env["FORGEHAND_DATA_DIR"] = str(data_dir)
        for name in ("web", "worker"):
            log = self._log_dir / f"{name}.log" if self._log_dir else None
            self.children[name] = Child(name, forgehand_argv(name), env=self._env, cwd=self._cwd, log=log)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in reversed(self.children.values()):
            child.stop()
        if self._redis:
            self._redis.stop()
