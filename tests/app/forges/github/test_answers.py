"""What an answer about a person's rights means: GitHub's words, and everything that must never be taken for a right."""

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.forges.port import ForgeDenied, ForgeError, ForgeNotFound, User
from tests.app.forges.conftest import Reply

ALICE = {"id": 7, "login": "alice", "type": "User"}
ASKED = User(id=7, login="alice")
REPO = {"full_name": "o/r", "default_branch": "main", "private": False}
NONE = Reply.of({"message": "Not Found"}, 404)


def answer(permission, role="", user=ALICE) -> Reply:
    return Reply.of({"permission": permission, "role_name": role or permission, "user": user})


@pytest.mark.parametrize(
    ("permission", "role", "meant"),
    [
        ("admin", "admin", "admin"),
        ("write", "maintain", "maintain"),
        ("write", "write", "write"),
        ("read", "triage", "read"),
        ("read", "read", "read"),
        ("none", "none", "none"),
        ("none", "", "none"),
        ("write", "release captains", "write"),
        ("read", "Admin", "read"),
        ("read", "owner", "read"),
    ],
)
def test_the_permissions_that_github_names(github, script, permission, role, meant):
    script.replies = [answer(permission, role)]
    found = github.standing("o/r", ASKED)
    assert (found.permission, found.is_bot) == (meant, False)
    assert script.seen[0].path == "/repos/o/r/collaborators/alice/permission"


@pytest.mark.parametrize(
    ("permission", "role"),
    [("owner", "owner"), ("maintain", "maintain"), ("ADMIN", "admin"), ("", "admin"), ("read", "admin"),
     ("read", "write"), ("read", "maintain"), ("none", "admin"), ("none", "read"), ("admin", "read")],
)  # fmt: skip
def test_what_github_does_not_say_is_an_error(github, script, permission, role):
    script.replies = [answer(permission, role)]
    with pytest.raises(ForgeError):
        github.standing("o/r", ASKED)


@pytest.mark.parametrize("user", [{**ALICE, "id": 8}, None])
def test_a_login_that_is_another_accounts_by_now(github, script, user):
    script.replies = [answer("admin", user=user)]
    assert github.standing("o/r", ASKED).permission == "none"


@pytest.mark.parametrize(
    ("login", "kind", "is_bot"),
    [("robot", "Bot", True), ("x[bot]", "User", False), ("x[bot]", "Bot", True), ("robot", "bot", False)],
)
def test_a_machine_is_told_by_its_type_and_never_by_its_name(github, script, login, kind, is_bot):
    script.replies = [answer("write", user={"id": 7, "login": login, "type": kind})]
    assert github.standing("o/r", User(id=7, login=login)).is_bot is is_bot


def test_an_unknown_account_has_no_permission_but_an_unknown_repository_is_an_error(github, script):
    script.replies = [NONE, Reply.of(REPO)]
    assert github.standing("o/r", ASKED).permission == "none"
    script.replies = [NONE, NONE]
    with pytest.raises(ForgeNotFound):
        github.standing("o/r", ASKED)


def test_a_token_that_may_not_ask_is_told_what_to_do(github, script):
    script.replies = [Reply.of({"message": "Must have push access to view collaborator permission."}, 403)]
    with pytest.raises(ForgeDenied, match="role Write, or make it an administrator of o/r"):
        github.standing("o/r", ASKED)


@pytest.mark.parametrize("login", ["", ".", "..", "a/b", "a?b", "a%2fb", "ö", "\ud800"])
def test_a_login_is_one_part_of_a_path(github, script, login):
    script.replies = [NONE, NONE]
    with pytest.raises(ForgeError):
        github.standing("o/r", User(id=7, login=login))
    assert all(seen.path.count("/") <= 6 for seen in script.seen)


FULL = {
    "permission": "none",
    "role_name": "none",
    "user": {
        **ALICE,
        "site_admin": False,
        "role_name": "none",
        "permissions": {"admin": False, "push": False},
    },
}
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=8), st.builds(list), st.builds(dict),
    st.sampled_from(["admin", "write", "maintain", "owner", "triage", "Bot", True, 7, 8]),
    st.builds(dict, push=st.just(value=True)),
)  # fmt: skip


@st.composite
def weak(draw):
    """GitHub's answer about somebody who may not write, with anything in any field but `permission`."""
    body = copy.deepcopy(FULL)
    body["permission"] = draw(st.sampled_from(["none", "read"]))
    for _ in range(draw(st.integers(0, 3))):
        user = body.get("user")
        place = draw(st.sampled_from([body, user])) if isinstance(user, dict) else body
        key = draw(
            st.sampled_from(
                ["role_name", "user", "id", "login", "type", "permissions", "site_admin", "admin"]
            )
        )
        if place is body and draw(st.booleans()) and key in body:
            del body[key]
        else:
            place[key] = draw(ODD)
    return body


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(weak())
def test_s3_nobody_without_the_right_ever_comes_out_with_it(github, script, body):
    """The real client and its real parsing: `none` and `read` deny, whatever else is in the answer."""
    script.replies = [Reply.of(body), NONE]
    try:
        found = github.standing("o/r", ASKED)
    except ForgeError:
        return
    assert found.permission in {"none", "read"}


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.recursive(ODD, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner))
)
def test_s3_no_odd_permission_is_a_right(github, script, value):
    script.replies = [Reply.of(FULL | {"permission": value})]
    if value in ("admin", "write"):
        return  # contradicted by the role, which is another test's business
    try:
        found = github.standing("o/r", ASKED)
    except ForgeError:
        return
    assert found.permission in {"none", "read"}


@pytest.mark.parametrize("status", [401, 403, 429, 500, 503])
def test_s1_no_error_is_a_right(github, script, status):
    script.replies = [Reply.of({"message": "admin", "permission": "admin", "user": ALICE}, status)]
    with pytest.raises(ForgeError):
        github.standing("o/r", ASKED)
