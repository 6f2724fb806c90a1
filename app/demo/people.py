"""The people of the story: what they do on the forge, through its API and through Git, as themselves."""

import base64
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from git_ops import HeaderAuth, Identity, Workspace, branch_ref, push


class ForgeAnswerError(Exception):
    """The forge refused something that the story needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account of the forge."""

    login: str
    password: str
    forge_url: str

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """One request of the forge's API, as this person. Raises `ForgeAnswerError`."""
        url = f"{self.forge_url}/api/v1{path}"
        answer = httpx.request(
            method, url, json=body, auth=(self.login, self.password), timeout=30, trust_env=False
        )
        if answer.is_error:
            raise ForgeAnswerError(
                f"{method} {path} as {self.login}: {answer.status_code} {answer.text[:300]}"
            )
        return answer.json() if answer.content else None

    @property
    def auth(self) -> HeaderAuth:
        pair = base64.b64encode(f"{self.login}:{self.password}".encode()).decode()
        return HeaderAuth(self.forge_url, f"Authorization: Basic {pair}")

    def commit(self, repo: str, branch: str, files: Mapping[str, str], subject: str) -> str:
        """Commit `files` on top of `branch` and push it, as people do; the new commit."""
        who = Identity(name=self.login, email=f"{self.login}@example.org")
        with tempfile.TemporaryDirectory(prefix="forgehand-person-") as folder:
            workspace, tip = self.checkout(repo, branch, Path(folder))
            for path, text in files.items():
                (workspace.work_tree / path).write_text(text)
            oid = workspace.commit_all(subject + "\n", author=who, parent=tip)
            if oid is None:
                raise ForgeAnswerError(f"{self.login} has nothing to commit")
            git = workspace.git.replace(auth=self.auth)
            push(git, url=self.git_url(repo), sha=oid, branch=branch, expected=tip)
            return oid

    def git_url(self, repo: str) -> str:
        return f"{self.forge_url}/{repo}.git"

    def checkout(self, repo: str, branch: str, folder: Path) -> tuple[Workspace, str]:
        """A fresh clone of a branch (and of main) with the branch's files checked out, and its tip."""
        workspace, ref = Workspace(folder / "git", folder / "tree"), branch_ref(branch)
        workspace.clone(self.git_url(repo), auth=self.auth, refs=[ref, "refs/heads/main"])
        tip = workspace.git.text("rev-parse", ref)
        workspace.checkout(tip)
        return workspace, tip
