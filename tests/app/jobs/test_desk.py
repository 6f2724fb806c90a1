from pathlib import Path

from app.jobs.desk import mirror_path


def test_a_mirror_has_its_place_whatever_the_letter_case():
    assert mirror_path(Path("/data"), "home", "Ada/Demo") == Path("/data/mirrors/home/ada/demo.git")


def test_the_page_of_a_job(place):
    assert place.desk.job_url(place.asked()).startswith("http://127.0.0.1:8080/jobs/")


def test_the_mirrors_credential_is_not_in_its_url_or_on_disk(place):
    mirror = place.desk.mirror_of(place.asked())
    mirror.fetch()
    assert place.bot.token not in mirror.url
    for file in mirror.path.rglob("*"):
        assert not file.is_file() or place.bot.token.encode() not in file.read_bytes()
