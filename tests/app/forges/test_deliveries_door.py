"""Deliveries of all kinds of forges through the real door and intake: kept ones, and what anybody might send instead.

The forge that is asked agrees with whatever the delivery says, so that as much as possible gets as far as possible.
`FORGEHAND_TEST_EXAMPLES` sets how many payloads are tried.
"""

import dataclasses
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.domain.event import Commented, Ignored, ThreadEvent
from app.forges.forgejo import payloads as forgejo
from app.forges.gitea import payloads as gitea
from app.forges.github import payloads as github
from app.forges.port import Comment, Issue, Labelled, Pull, Repo, Standing, User
from app.jobs.intake import intake
from app.web.broker.claude import UPSTREAM
from app.web.factory import create_app
from tests.support.deliveries import SECRET, Delivery, kept, signed
from tests.support.desk import make_desk
from tests.support.desk import settings as service_settings
from tests.support.mutation import changed, changes, places

KINDS = {"gitea": gitea.DIALECT, "forgejo": forgejo.DIALECT, "github": github.DIALECT}
PUBLISHED = Path(__file__).parent / "github" / "deliveries"
SENT = {
    **dict(kept("gitea", "forgejo")),
    **{f"github/{path.stem}": Delivery.kept(path) for path in sorted(PUBLISHED.glob("*.json"))},
}
PLACES = [(name, path) for name, one in SENT.items() for path in places(one.body)]
OURS = 2**40
WORK = {
    "issue-labelled", "issue-opened-with-label", "odd-issue-labelled", "ghost-issue-labelled",
    "issue-comment-created", "odd-comment-created", "pull-comment-created",
}  # fmt: skip
"""Acts that ask for work, on a forge of Gitea's family; nobody asks for any in GitHub's examples."""


class Agreeing:
    """Everybody may do everything, and everything is as the delivery says."""

    kind = "gitea"

    def __init__(self):
        self.event = None

    def whoami(self):
        return User(id=OURS, login="forgehand")

    def standing(self, repo, user):
        return Standing(permission="admin", is_bot=False)

    def repo(self, repo):
        return Repo(full_name=repo, default_branch=self.event.thread.default_branch, private=False)

    def labelled(self, repo, number, label, *, since=None):
        actor = self.event.actor
        if label not in self.event.thread.labels:
            return None
        return Labelled(event_id=1, actor=User(id=actor.id, login=actor.login), at=time.time())

    def issue(self, repo, number):
        thread = self.event.thread
        return Issue(
            number=number,
            title=thread.title,
            body=thread.body,
            author=User(id=thread.author.id, login=thread.author.login),
            labels=thread.labels,
            is_open=thread.is_open,
            is_pull=thread.is_pull,
            url="https://forge.example.com/1",
        )

    def pull(self, repo, number):
        issue, thread = self.issue(repo, number), self.event.thread
        return Pull(
            number=number,
            title=issue.title,
            body=issue.body,
            author=issue.author,
            is_open=issue.is_open,
            draft=False,
            head_branch="topic",
            head_sha=thread.head_sha or "a" * 40,
            head_repo=repo,
            base_branch=thread.default_branch,
            url=issue.url,
        )

    def comment(self, repo, number, comment_id):
        said = self.event
        if not isinstance(said, Commented):
            return None
        author = User(id=said.author.id, login=said.author.login)
        return Comment(id=comment_id, body=said.body, author=author, url="")

    def comments(self, repo, number, *, since=None):
        return []

    def is_protected(self, repo, branch):
        return False

    def create_comment(self, repo, number, body):
        return Comment(id=1, body=body, author=self.whoami(), url="")

    def read_file(self, repo, path, *, ref, max_bytes):
        return None


class Door:
    """The web application and what stands behind it."""

    def __init__(self, redis, folder):
        self.forge = Agreeing()
        one = {"url": "https://forge.example.com", "token": "token-0123456789", "repos": ("*/*",)}
        forges = {kind: {**one, "kind": kind, "webhook_secrets": (SECRET,)} for kind in KINDS}
        desk = make_desk(
            redis, service_settings(folder, forges=forges), forges=dict.fromkeys(KINDS, self.forge)
        )
        self.desk = dataclasses.replace(desk, dialects=KINDS)
        self.app = create_app(self.desk)
        self.client = self.app.test_client()

    def take(self, name, raw, event=None):
        """Send it, signed, and handle what waits; give the status, the event and the number of jobs that it made."""
        one, kind = SENT[name], name.partition("/")[0].partition("-")[0]
        headers = signed(one.headers, raw)
        if event is not None:
            headers = {
                key: event if key.endswith(("-event", "-event-type")) else value
                for key, value in headers.items()
            }
        answer = self.client.post(f"/webhooks/{kind}", data=raw, headers=headers)
        told = KINDS[kind].parse(KINDS[kind].event_name(headers), raw)
        self.forge.event = told if isinstance(told, ThreadEvent) else None
        before = len(self.desk.jobs.newest(1_000))
        for delivery_id in self.desk.deliveries.waiting(older_than_seconds=-1):
            intake(self.desk, delivery_id)
        assert self.desk.deliveries.waiting(older_than_seconds=-1) == []
        return answer.status_code, told, len(self.desk.jobs.newest(1_000)) - before


@pytest.fixture
def door(redis, tmp_path):
    found = Door(redis, tmp_path)
    yield found
    found.app.extensions[UPSTREAM].close()


@pytest.mark.parametrize("name", SENT)
def test_only_what_asks_for_work_makes_a_job(door, name):
    forge, _, act = name.partition("/")
    status, told, jobs = door.take(name, SENT[name].raw)
    assert status == 202
    assert jobs == (act in WORK and forge != "github"), told


MANY = settings(
    max_examples=int(os.environ.get("FORGEHAND_TEST_EXAMPLES", "300")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
EVENTS = sorted(
    {one.headers.get("x-gitea-event-type", one.headers.get("x-github-event")) for one in SENT.values()}
)


@MANY
@given(place=st.sampled_from(PLACES), change=changes, event=st.none() | st.sampled_from(EVENTS))
def test_whatever_is_signed_never_breaks_anything(door, place, change, event):
    name, path = place
    door.desk.redis.flushall()
    status, told, jobs = door.take(name, changed(SENT[name].body, [(path, change)]), event)
    assert status == 202
    assert jobs <= (not isinstance(told, Ignored))


@MANY
@given(name=st.sampled_from(sorted(SENT)), at=st.integers(min_value=0), instead=st.binary(max_size=4))
def test_damaged_bytes_never_break_anything(door, name, at, instead):
    raw = SENT[name].raw
    at %= len(raw)
    door.desk.redis.flushall()
    status, told, jobs = door.take(name, raw[:at] + instead + raw[at + len(instead) :])
    assert status == 202
    assert jobs <= (not isinstance(told, Ignored))
