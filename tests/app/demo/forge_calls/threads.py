"""Calls about issues, comments, timelines, labels and reviews."""

from typing import Any

from tests.app.demo.forge_calls.player import Player


def threads(player: Player) -> None:
    owner, guest = player.person("owner"), player.person("guest")
    repo = owner.repo("threads")
    base, label, number = f"/repos/{repo}", owner.label(repo, "agent"), owner.issue(repo, "T", "B")
    issue, call = f"{base}/issues/{number}", player.call
    call("timeline, empty", owner, "GET", f"{issue}/timeline")
    call("label on", owner, "POST", f"{issue}/labels", {"labels": [label]})
    call("label off", owner, "DELETE", f"{issue}/labels/{label}")
    comment = call("comment", guest, "POST", f"{issue}/comments", {"body": "hi"})["id"]
    for name, change in (
        ("closed", {"state": "closed"}),
        ("opened", {"state": "open"}),
        ("title", {"title": "N"}),
    ):
        call(f"issue {name}", owner, "PATCH", issue, change)
    call("issue edited by a stranger", guest, "PATCH", issue, {"title": "no"})
    call("issue", owner, "POST", f"{base}/issues", {"title": "x", "body": "y", "labels": [label]})
    call("issue title empty", owner, "POST", f"{base}/issues", {"title": ""})
    call("issue title missing", owner, "POST", f"{base}/issues", {})
    event = call("timeline", owner, "GET", f"{issue}/timeline")[0]["id"]
    pages = (
        "page=2&limit=2",
        "limit=2",
        "page=9",
        "since=2020-01-01T00:00:00Z",
        "since=2099-01-01T00:00:00Z",
    )
    for query in (*pages, "before=2020-01-01T00:00:00Z", "since=garbage", "since=", "page=-1", "page=x"):
        call(f"timeline?{query}", owner, "GET", f"{issue}/timeline?{query}")
        call(f"comments?{query}", owner, "GET", f"{issue}/comments?{query}")
    for what in ("timeline", "comments", "labels", "reactions"):
        call(f"{what} of no issue", owner, "GET", f"{base}/issues/9999/{what}")
    call("no issue", owner, "GET", f"{base}/issues/9999")
    call("comment on no issue", owner, "POST", f"{base}/issues/9999/comments", {"body": "x"})
    call("comment without text", owner, "POST", f"{issue}/comments", {})
    other = guest.repo("other")
    for method, body in (("GET", None), ("PATCH", {"body": "new"}), ("DELETE", None)):
        call(f"{method} no comment", owner, method, f"{base}/issues/comments/99999999", body)
        call(f"{method} a label event", owner, method, f"{base}/issues/comments/{event}", body)
        call(
            f"{method} elsewhere's comment", guest, method, f"/repos/{other}/issues/comments/{comment}", body
        )
    stranger = player.person("stranger")
    call("PATCH another's comment", stranger, "PATCH", f"{base}/issues/comments/{comment}", {"body": "mine"})
    call("DELETE another's comment", stranger, "DELETE", f"{base}/issues/comments/{comment}")
    call("PATCH a comment", owner, "PATCH", f"{base}/issues/comments/{comment}", {"body": "changed"})
    call("GET a comment", owner, "GET", f"{base}/issues/comments/{comment}")
    call("eyes", owner, "POST", f"{base}/issues/comments/{comment}/reactions", {"content": "eyes"})
    call("eyes again", owner, "POST", f"{base}/issues/comments/{comment}/reactions", {"content": "eyes"})
    call("no such reaction", owner, "POST", f"{issue}/reactions", {"content": "nonsense"})
    call("reactions", owner, "GET", f"{base}/issues/comments/{comment}/reactions")
    call("DELETE a comment", owner, "DELETE", f"{base}/issues/comments/{comment}")
    call("no repository", owner, "GET", f"/repos/{owner.login}/nothing")
    call("no owner", owner, "GET", "/repos/nobody-at-all/nothing")


def reviews(player: Player) -> None:
    owner, reviewer, reader = player.person("author"), player.person("reviewer"), player.person("reader")
    repo, lines = owner.repo("reviews"), "1\n2\n3\n4\n5\n6\n7\n8\n9\n"
    owner.invite(repo, reviewer.login)
    owner.write(repo, "a.txt", lines)
    owner.write(repo, "a.txt", lines.replace("5", "five"), new_branch="topic")
    pull, call = f"/repos/{repo}/pulls/{owner.pull(repo, 'topic')}", player.call
    reviews = f"{pull}/reviews"
    on_line = [
        {"path": "a.txt", "body": "here", "new_position": 5},
        {"path": "a.txt", "body": "old", "old_position": 5},
    ]
    beside = [
        {"path": "nope.txt", "body": "x", "new_position": 5},
        {"path": "a.txt", "body": "x", "new_position": 500},
    ]
    forms: dict[str, dict[str, Any]] = {
        "approved": {"event": "APPROVED", "body": "nice"},
        "changes requested": {"event": "REQUEST_CHANGES", "body": "bad"},
        "commented": {"event": "COMMENT", "body": "hm"},
        "on lines": {"event": "COMMENT", "comments": on_line},
        "beside the lines": {"event": "COMMENT", "comments": beside},
        "approved without a word": {"event": "APPROVED"},
        "without a word": {"event": "COMMENT"},
        "changes without a word": {"event": "REQUEST_CHANGES"},
        "of no kind": {"event": "NONSENSE"},
    }
    made = {name: call(f"review {name}", reviewer, "POST", reviews, form) for name, form in forms.items()}
    call("review comments", owner, "GET", f"{reviews}/{made['on lines']['id']}/comments")
    call("review approved by its author", owner, "POST", reviews, forms["approved"])
    call("review rejected by its author", owner, "POST", reviews, forms["changes requested"])
    call("review by a reader", reader, "POST", reviews, forms["approved"])
    pending = call("review pending", reviewer, "POST", reviews, {"body": "later", "comments": on_line})["id"]
    call("review pending, for others", reader, "GET", f"{reviews}/{pending}")
    call("review pending, for its author", reviewer, "GET", f"{reviews}/{pending}")
    call("review left pending", reviewer, "POST", f"{reviews}/{pending}", {"body": "x"})
    call("review submitted", reviewer, "POST", f"{reviews}/{pending}", {"event": "COMMENT", "body": "done"})
    call(
        "review submitted twice",
        reviewer,
        "POST",
        f"{reviews}/{pending}",
        {"event": "COMMENT", "body": "done"},
    )
    call("reviews", owner, "GET", reviews)
    call("reviews, a page", owner, "GET", f"{reviews}?page=2&limit=2")
    call("no review", owner, "GET", f"{reviews}/99999999")
    call("comments of no review", owner, "GET", f"{reviews}/99999999/comments")
    call("reviews of no pull", owner, "GET", f"/repos/{repo}/pulls/9999/reviews")
    call("review deleted by others", reader, "DELETE", f"{reviews}/{pending}")
    call("review deleted", reviewer, "DELETE", f"{reviews}/{pending}")
    call("reviewed pull", owner, "GET", pull)
    gone = {"event": "COMMENT", "commit_id": "0" * 40, "comments": on_line}
    call("review of a commit that isn't there", reader, "POST", reviews, gone)
    owner.api("PATCH", pull, {"state": "closed"})
    call("review of a closed pull", reviewer, "POST", reviews, forms["approved"])


def labels(player: Player) -> None:
    owner, reader = player.person("labeller"), player.person("onlooker")
    repo, call = owner.repo("labels"), player.call
    labels, made = f"/repos/{repo}/labels", []
    forms: tuple[dict[str, Any], ...] = (
        {"name": "Agent", "color": "#00AABB"}, {"name": "agent", "color": "00aabb", "description": "x"},
        {"name": "agent", "color": "00aabb"}, {"name": "x", "color": "red"}, {"name": "x", "color": "#fff"},
        {"name": "", "color": "#fff"}, {"name": "n" * 60, "color": "#ffffff"}, {"name": "x"},
        {"name": "  sp  ", "color": "#ffffff", "exclusive": True, "is_archived": True},
    )  # fmt: skip
    for number, form in enumerate(forms):
        made.append(call(f"label {number}", owner, "POST", labels, form))
    player.found["labels, in order"] = [one["name"] for one in call("labels", owner, "GET", labels)]
    first, issue = made[0]["id"], f"/repos/{repo}/issues/{owner.issue(repo)}/labels"
    edits = (
        {"name": "renamed"},
        {"color": "nonsense"},
        {"color": "abc", "description": "d", "is_archived": True},
        {},
    )
    for number, change in enumerate(edits):
        call(f"label edit {number}", owner, "PATCH", f"{labels}/{first}", change)
    for method in ("GET", "PATCH", "DELETE"):
        body = {"name": "y"} if method == "PATCH" else None
        call(f"{method} no label", owner, method, f"{labels}/99999999", body)
        call(f"{method} label by a reader", reader, method, f"{labels}/{first}", body)
    asked: dict[str, Any] = {
        "AGENT": ["AGENT"], "two of a name": ["agent"], "nonsense": ["nonsense"], "no id": [99999999],
        "mixed": [first, "agent"], "none": [], "null": [None], "true": [True], "float": [1.5], "id": [first],
    }  # fmt: skip
    for name, wanted in asked.items():
        call(f"labels put on: {name}", owner, "POST", issue, {"labels": wanted})
    call("label ids as text", owner, "POST", issue, {"labels": "agent"})
    call("labels not named", owner, "POST", issue, {})
    call("labels replaced", owner, "PUT", issue, {"labels": [first]})
    call("labels on", owner, "GET", issue)
    call("labels cleared", owner, "DELETE", issue)
    call("labels refused to a reader", reader, "POST", issue, {"labels": [first]})
    call("label removal refused to a reader", reader, "DELETE", f"{issue}/{first}")
    call("labels' removal refused to a reader", reader, "DELETE", issue)
    call("no label removed", owner, "DELETE", f"{issue}/99999999")
    call("label deleted", owner, "DELETE", f"{labels}/{first}")
    found = call("timeline without the label", owner, "GET", issue.removesuffix("labels") + "timeline")
    player.found["timeline without the label, read"] = [(one["type"], one["body"]) for one in found]
