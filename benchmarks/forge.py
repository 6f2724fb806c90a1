"""What the demo's jobs cost the forge in API calls, and how soon a person sees that they were heard.

The service talks to the forge through a counting proxy; people don't. Against the embedded forge, or a real one that
FORGEHAND_TEST_FORGE_URL, _ADMIN and _PASSWORD name. There is no alternative to compare with: the counts hardly differ
between runs, the seconds include the forge's own.
"""

import os
import re
import secrets
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from app.demo.stage import ENDPOINT, ForgeAdmin, Stage
from app.demo.story import Step, Story

_NOT_PASSED = {"connection", "content-length", "host", "transfer-encoding", "content-encoding"}
_VARIABLE = (
    (r"^/api/v1/repos/[^/]+/[^/]+", "/repos/{owner}/{repo}"),
    (r"/[0-9a-f]{40}", "/{sha}"),
    (r"/\d+", "/{n}"),
    (r"/collaborators/[^/]+", "/collaborators/{login}"),
)


class Counting:
    """A reverse proxy on loopback that counts API requests by operation."""

    def __init__(self) -> None:
        self.target, self.calls = "", Counter[str]()
        self._client = httpx.Client(trust_env=False, timeout=60)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def handle_one(self) -> None:
                proxy.count(self.command, self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {k: v for k, v in self.headers.items() if k.lower() not in _NOT_PASSED}
                answer = proxy._client.request(
                    self.command, proxy.target + self.path, content=body, headers=headers
                )
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name.lower() not in _NOT_PASSED:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            do_GET = do_POST = do_PATCH = do_DELETE = handle_one  # noqa: N815 -- names of http.server

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def count(self, method: str, path: str) -> None:
        path = path.partition("?")[0]
        if path.startswith("/api/"):
            for pattern, name in _VARIABLE:
                path = re.sub(pattern, name, path)
            self.calls[f"{method} {path.removeprefix('/api/v1')}"] += 1


def main() -> None:
    url = os.environ.get("FORGEHAND_TEST_FORGE_URL")
    named = url and ForgeAdmin(
        url=url,
        login=os.environ["FORGEHAND_TEST_FORGE_ADMIN"],
        password=os.environ["FORGEHAND_TEST_FORGE_PASSWORD"],
        kind=os.environ.get("FORGEHAND_TEST_FORGE", "gitea"),
    )
    proxy = Counting()
    settings = {f"FORGEHAND_FORGES__{ENDPOINT.upper()}__URL": proxy.url}
    with Stage(forge=named or None, extra_settings=settings) as stage:
        proxy.target = stage.forge_url
        version = httpx.get(f"{stage.forge_url}/api/v1/version", trust_env=False).json()["version"]
        print(f"{stage.admin.kind} {version}")
        before: Counter[str] = Counter()

        def on_step(step: Step) -> None:
            nonlocal before
            if step.ok:
                spent = proxy.calls - before
                print(f"{spent.total():4d} API calls: {step.title}")
            before = Counter(proxy.calls)

        story = Story(stage, on_step, suffix=secrets.token_hex(3) if named else "")
        story.play()
        print(f"{story.label_to_eyes_seconds:.2f} s from the label to the eyes reaction")
        for operation, count in sorted(proxy.calls.items()):
            print(f"{count:4d}  {operation}")


if __name__ == "__main__":
    main()
