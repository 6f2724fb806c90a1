import pytest

from app.domain.job import State
from app.web.factory import create_app
from tests.support.desk import API_TOKEN

PAGES = [
    "/",
    "/jobs/job00000001",
    "/api/jobs",
    "/api/jobs/job00000001",
    "/api/jobs/job00000001/log",
    "/metrics",
]


@pytest.mark.parametrize("path", PAGES)
def test_nobody_comes_in_without_the_token(web, path):
    for headers in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer"},
        {"Authorization": "Basic !!"},
        {"Authorization": f"Token {API_TOKEN}"},
        {"Authorization": API_TOKEN},
        {"Authorization": "Bearer é".encode("latin-1")},
    ):
        answer = web.http.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic realm=")
    assert web.http.get(path, auth=("anybody", "wrong")).status_code == 401
    assert web.http.get(path, params={"token": API_TOKEN}).status_code == 401


@pytest.mark.parametrize("path", ["/", "/api/jobs", "/metrics"])
def test_the_token_as_bearer_or_as_a_browsers_password(web, path):
    assert web.people(path).status_code == 200
    assert web.http.get(path, auth=("anybody", API_TOKEN)).status_code == 200


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_configured_token_nobody_comes_in(serve, token):
    web = serve(api_token=token)
    assert web.http.get("/api/jobs", headers={"Authorization": "Bearer"}).status_code == 401
    assert "FORGEHAND_API_TOKEN" in web.http.get("/api/jobs", auth=("x", "")).text


def test_public_pages_are_public_and_the_broker_is_not(serve):
    web = serve(pages_public=True)
    assert web.http.get("/api/jobs").status_code == 200
    assert web.http.get("/broker/job").status_code == 401


ROUTES = [
    ("GET", "/job"),
    ("POST", "/events"),
    ("GET", "/git/info/refs?service=git-upload-pack"),
    ("GET", "/git/info/refs?service=git-receive-pack"),
    ("POST", "/git/git-upload-pack"),
    ("POST", "/git/git-receive-pack"),
    ("POST", "/claude/v1/messages"),
    ("POST", "/claude/v1/messages/count_tokens"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_door_of_the_broker_wants_a_living_token(web, method, path):
    _, token = web.start_job()
    for headers in ({}, {"Authorization": "Bearer"}, {"Authorization": f"Basic {token}"}, {"Authorization": f"Bearer {API_TOKEN}"},
                    {"Authorization": f"Bearer {token[:-1]}"}, {"x-api-key": token}):  # fmt: skip
        answer = web.http.request(method, f"/broker{path}", headers=headers, content=b"{}")
        assert answer.status_code == 401, headers
        assert "no longer" in answer.text


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_token_is_dead_for_every_door_once_its_attempt_is_over(web, method, path):
    job, token = web.start_job()
    web.desk.jobs.move(job.id, State.QUEUED, cause="lost")
    web.desk.jobs.move(job.id, State.LAUNCHING, cause="again", changes={"attempt": 2})
    assert web.runner(method, path, token, content=b"{}").status_code == 401


def test_all_routes_of_the_broker_are_in_the_list_above(web):
    rules = {
        (method, rule.rule)
        for rule in create_app(web.desk).url_map.iter_rules()
        if rule.rule.startswith("/broker")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    listed = {(method, "/broker" + path.partition("?")[0]) for method, path in ROUTES}
    assert {(m, r.replace("<path:path>", "messages")) for m, r in rules} <= listed
