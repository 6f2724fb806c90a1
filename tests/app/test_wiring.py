import pytest
from prometheus_client import REGISTRY

from app import wiring
from app.forges.port import ForgeError
from app.settings import BadSettingsError, ForgeSettings, Settings

KEY = {"url": "http://127.0.0.1:9", "repos": ["a/b"], "webhook_secrets": ["0123456789"]}


def options(kind):
    return ForgeSettings(kind=kind, token="0123456789", **KEY)


@pytest.mark.parametrize("kind", ["gitea", "forgejo", "github"])
def test_each_kind_has_its_adapter_and_its_dialect(kind):
    forge = wiring.adapter("home", options(kind))
    assert forge.kind == kind
    forge.close()
    assert wiring.dialect(kind).event_name({}) == ""


def test_a_forge_that_no_adapter_could_work_with_is_found_before_the_start():
    fine = options("gitea")
    wiring.check(Settings(_env_file=None, forges={"fine": fine}))
    broken = ForgeSettings(kind="github", app_id=1, app_private_key="s3cret, and no PEM", **KEY)
    with pytest.raises(BadSettingsError, match="FORGEHAND_FORGES__BROKEN: ") as caught:
        wiring.check(Settings(_env_file=None, forges={"fine": fine, "broken": broken}))
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("kind", ["gitea", "forgejo", "github"])
def test_every_request_is_counted_under_the_operators_name(kind, monkeypatch):
    name = f"counted-{kind}"
    forge = wiring.adapter(name, options(kind))
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(ForgeError):
        forge.repo("a/b")
    forge.close()
    labels = {"forge": name, "method": "GET", "outcome": "no_answer"}
    assert REGISTRY.get_sample_value("forgehand_forge_requests_total", labels) >= 1


@pytest.mark.parametrize(("status", "outcome"), [(200, "2xx"), (404, "4xx"), (503, "5xx"), (0, "no_answer")])
def test_outcomes_are_few(status, outcome):
    wiring._counter("outcomes")("POST", status)
    labels = {"forge": "outcomes", "method": "POST", "outcome": outcome}
    assert REGISTRY.get_sample_value("forgehand_forge_requests_total", labels) == 1
