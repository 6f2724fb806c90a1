import pytest

from app.store.connection import connect
from app.web.factory import create_app
from tests.support.desk import make_desk, settings


def test_probes(web):
    for path in ("/healthz", "/readyz"):
        assert (web.http.get(path).status_code, web.http.get(path).text) == (200, "ok\n")


def test_without_redis_it_is_alive_and_not_ready(tmp_path):
    redis = connect(f"unix://{tmp_path}/none.sock")
    redis.connection_pool.connection_kwargs["retry"].update_retries(0)
    client = create_app(make_desk(redis, settings(tmp_path))).test_client()
    assert client.get("/healthz").status_code == 200
    answer = client.get("/readyz")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert str(tmp_path) not in answer.text
    redis.close()


def test_a_mistake_of_ours_tells_nothing(web, monkeypatch):
    monkeypatch.setattr(type(web.desk.jobs), "newest", lambda *_: 1 / 0)
    answer = web.people("/api/jobs")
    assert answer.status_code == 500
    assert "ZeroDivisionError" not in answer.text
    assert "mistake of ours" in answer.text


@pytest.mark.parametrize(
    "path", ["/nothing", "/broker", "/broker/git/HEAD", "/broker/git/objects/info/packs", "/static/x"]
)
def test_what_is_not_there(web, path):
    assert web.http.get(path).status_code == 404


def test_metrics_count_deliveries_without_naming_strangers(web):
    web.http.post("/webhooks/made-up-by-a-stranger", json={})
    shown = web.people("/metrics").text
    assert 'forgehand_deliveries_total{endpoint="unknown",result="unknown_endpoint"}' in shown
    assert "made-up-by-a-stranger" not in shown
