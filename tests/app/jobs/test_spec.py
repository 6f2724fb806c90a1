import pytest

from app.jobs.spec import spec_of
from runner.protocol import JobSpec


def test_orders_are_pinned(place):
    place.owner.write(place.repo, ".forgehand.yml", "verify: make test\n")
    job = place.launched()
    spec = spec_of(place.desk, job)
    assert isinstance(spec, JobSpec)
    assert (spec.verify, spec.base_sha, spec.start_sha) == ("make test", job.base_sha, job.start_sha)
    assert spec.quarantine_ref == job.quarantine_ref
    assert spec.commit_subject == f"Say hello (#{job.number})"
    assert spec.identity.name == place.bot.login
    place.owner.write(place.repo, ".forgehand.yml", "verify: something else\n")
    place.desk.mirror_of(job).fetch()
    assert spec_of(place.desk, job) == spec


def test_nothing_in_the_orders_is_a_secret(place):
    text = spec_of(place.desk, place.launched()).model_dump_json()
    settings = place.desk.settings
    home = settings.forges["home"]
    for secret in (home.token, *home.webhook_secrets, settings.anthropic_api_key, settings.api_token):
        assert secret.get_secret_value() not in text


def test_a_job_that_is_not_pinned_yet_has_no_orders(place):
    with pytest.raises(AssertionError):
        spec_of(place.desk, place.asked())
