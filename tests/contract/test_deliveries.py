"""What a forge sends for what people do, held to what a real one of its kind and version sent: the same calls and fields.

`FORGEHAND_RECORD_DELIVERIES=1` with a real forge records anew what the others are held to.
"""

import os
import re
import uuid
from typing import Any

import pytest

from app.domain.signature import is_signed
from app.forges.forgejo import payloads as forgejo
from app.forges.gitea import payloads as gitea
from tests.support.deliveries import KEPT, SECRET, Delivery, encoded, scrubbed
from tests.support.forge import Receiver
from tests.support.scenario import Habits, Scenario

pytestmark = pytest.mark.slow
SIGNATURES = {
    "x-forgejo-signature", "x-gitea-signature", "x-gogs-signature", "x-hub-signature", "x-hub-signature-256",
}  # fmt: skip
REPEATED = frozenset({
    "issue-labelled-by-bot", "issue-opened-with-label-2", "issue-reopened", "pull-comment-edited",
    "pull-comment-edited-by-bot", "pull-edited-by-bot", "pull-reopened", "pull-merged-3", "second-branch-pushed",
    "second-branch-pushed-2", "pull-opened-with-label-2", "leaving-issue-opened", "branch-made", "branch-made-2",
    "tag-made", "branch-deleted-by-git",
})  # fmt: skip
"""Acts whose deliveries look like those of another act: they aren't kept."""
DIFFERENT = {
    "forgejo-10": {
        "issue-opened", "issue-labelled", "issue-relabelled", "issue-labels-cleared", "issue-edited-by-bot",
        "issue-closed", "issue-comment-created", "issue-comment-edited", "issue-comment-deleted", "odd-comment-created",
        "pull-opened", "pull-labelled", "pull-edited", "pull-synchronized", "pull-closed", "pull-merged",
        "pull-comment-created", "pull-comment-deleted", "review-on-a-line", "review-commented",
        "review-changes-requested", "review-approved", "branch-pushed-2", "main-pushed", "branch-deleted", "hook-tested",
        "ghost-issue-labelled",
    },
    "forgejo-7": {
        "issue-labelled", "pull-comment-created", "pull-merged", "review-approved", "branch-deleted", "hook-tested",
    },
    "gitea-1.25": {
        "issue-labelled", "issue-relabelled", "issue-edited", "issue-comment-edited", "pull-comment-created",
        "pull-synchronized-2", "pull-merged", "review-commented", "hook-tested", "status-set",
    },
}  # fmt: skip
"""Of these only one delivery of each kind is kept, or what differs from an older version."""

RARE = ("ghost-", "tag-")
"""Acts that are only played on real servers: the embedded forge has no tags, and nobody leaves it."""


@pytest.fixture(scope="module")
def habits(server) -> Habits:
    return Habits.of(server.user().api("GET", "/version")["version"])


@pytest.fixture(scope="module")
def found(server, habits) -> dict[str, Delivery]:
    with Receiver() as receiver:
        scene = Scenario(server, receiver)
        found = scene.play()
        if "FORGEHAND_TEST_FORGE_URL" in os.environ:
            found = scene.rarities()
        assert len(found) == len(receiver.calls)
    if "FORGEHAND_RECORD_DELIVERIES" in os.environ:
        record(habits.name, scrubbed(found, scene.names()))
    return found


def record(version: str, found: dict[str, Delivery]) -> None:
    wanted = DIFFERENT.get(version, found.keys() - REPEATED)
    folder = KEPT / version
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        found[name].keep(folder / f"{name}.json")


def shape(value: Any) -> Any:
    """Names and types of everything in it; of a list what its first item is."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value[:1]]
    return type(value).__name__


def constant(headers: dict[str, str]) -> dict[str, str]:
    return {
        name: "" if name in SIGNATURES or name.endswith("-delivery") else value
        for name, value in headers.items()
    }


def test_the_same_as_was_kept(found, habits):
    paths = sorted((KEPT / habits.name).glob("*.json"))
    if not paths:
        pytest.skip(f"nothing is kept of {habits.name}")
    compared = 0
    for path in paths:
        if path.stem not in found and path.stem.startswith(RARE):
            continue
        wanted, one = Delivery.kept(path), found[path.stem]
        assert shape(one.body) == shape(wanted.body), path.stem
        assert constant(one.headers) == constant(wanted.headers), path.stem
        assert one.kind == wanted.kind
        compared += 1
    assert compared > 5


def test_what_each_act_sends(found, habits):
    kinds: dict[str, list[str]] = {}
    for name, one in found.items():
        kinds.setdefault(re.sub(r"-\d$", "", name), []).append(one.kind.replace("refs/heads/", ""))
    told = {
        "issue-opened": ["issues opened"],
        "issue-labelled": ["issue_label label_updated"],
        "issue-unlabelled-by-bot": ["issue_label label_updated"],
        "issue-labelled-by-bot": ["issue_label label_updated"],
        "issue-relabelled": ["issue_label label_updated"],
        "issue-labels-cleared": ["issue_label label_cleared"],
        "issue-edited": ["issues edited"],
        "issue-edited-by-bot": ["issues edited"],
        "issue-closed": ["issues closed"],
        "issue-reopened": ["issues reopened"],
        "issue-opened-with-label": ["issue_label label_updated", "issues opened"],
        "odd-issue-opened": ["issues opened"],
        "odd-issue-labelled": ["issue_label label_updated"],
        "odd-comment-created": ["issue_comment created"],
        "issue-comment-created": ["issue_comment created"],
        "issue-comment-edited": ["issue_comment edited"],
        "issue-comment-edited-by-bot": ["issue_comment edited"],
        "issue-comment-deleted": ["issue_comment deleted"],
        "branch-pushed": ["create topic", "push topic"],
        "pull-opened": ["pull_request opened"],
        "pull-comment-created": ["pull_request_comment created"],
        "pull-comment-edited": ["pull_request_comment edited"],
        "pull-comment-edited-by-bot": ["pull_request_comment edited"],
        "pull-comment-deleted": ["pull_request_comment deleted"],
        "pull-labelled": ["pull_request_label label_updated"],
        "pull-labels-cleared": ["pull_request_label label_cleared"],
        "pull-synchronized": ["pull_request_sync synchronized", "push topic"],
        "pull-edited": ["pull_request edited"],
        "pull-edited-by-bot": ["pull_request edited"],
        "review-on-a-line": ["pull_request_review_comment reviewed"],
        "review-commented": ["pull_request_review_comment reviewed"],
        "review-commented-and-on-a-line": ["pull_request_review_comment reviewed"],
        "review-changes-requested": ["pull_request_review_rejected reviewed"],
        "review-approved": ["pull_request_review_approved reviewed"],
        "pull-closed": ["pull_request closed"],
        "pull-reopened": ["pull_request reopened"],
        "pull-merged": ["issues closed", "pull_request closed", "push main"],
        "second-branch-pushed": ["create second", "push second"],
        "pull-opened-with-label": ["pull_request opened", "pull_request_label label_updated"],
        "main-pushed": ["push main"],
        "branch-deleted": ["delete topic"],
        "hook-tested": ["push main"],
    }
    if habits.statuses:
        told["status-set"] = ["status failure"]
    if not habits.edited_text:
        del told["issue-edited-by-bot"], told["pull-edited-by-bot"]
    assert {name: kinds.get(name) for name in told} == told


def test_each_is_signed_by_who_knows_the_secret(found, habits):
    dialect = (forgejo if habits.name.startswith("forgejo") else gitea).DIALECT
    for one in found.values():
        assert is_signed(dialect.signature(one.headers), one.raw, [SECRET])
        assert str(uuid.UUID(dialect.delivery_id(one.headers))) == one.headers["x-gitea-delivery"]
        assert dialect.event_name(one.headers) == one.event


def test_json_is_written_as_gitea_writes_it(found, habits):
    for one in found.values():
        # Forgejo rewrites these two for webhooks of the type gitea, so that they name branches as Gitea does
        if not (habits.name == "forgejo-10" and one.event in {"create", "delete"}):
            assert one.raw == encoded(one.body)


def test_what_the_labels_are_in_each_delivery(found, habits):
    told = {
        name: {label["name"] for label in one.body["issue"]["labels"] or ()}
        for name, one in found.items()
        if name.startswith("issue-") and "label" in name
    }
    both = {"agent", "good/first: 🌱"}
    assert told == {
        "issue-labelled": {"agent"},
        "issue-unlabelled-by-bot": set(),
        "issue-labelled-by-bot": both,
        # Gitea 1.25 tells of none where labels were replaced, whatever is on
        "issue-relabelled": set() if habits.name == "gitea-1.25" else {"good/first: 🌱"},
        "issue-labels-cleared": {"good/first: 🌱"},  # not yet: what was there before is sent
        "issue-opened-with-label": both,
        "issue-opened-with-label-2": both,
    }
