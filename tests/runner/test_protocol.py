import pytest
from pydantic import ValidationError

from runner.protocol import MAX_CONFLICTS, EventBatch, Result

OID = "a" * 40


def batch(result, seq="1", at="1.0"):
    return f'{{"events":[{{"kind":"result","seq":{seq},"at":{at},"result":{result}}}]}}'


def test_a_result_goes_there_and_back():
    text = batch('{"outcome":"no_changes"}')
    (event,) = EventBatch.model_validate_json(text).events
    assert event.result == Result(outcome="no_changes")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_json_has_not_is_refused(number):
    """What is read must be writable again: a stored NaN could never be read back."""
    run = f'{{"command":"x","exit_code":0,"seconds":{number},"tail":"","sha":"{OID}"}}'
    for text in (
        batch(f'{{"outcome":"changed","verifications":[{run}]}}'),
        batch('{"outcome":"changed"}', at=number),
    ):
        with pytest.raises(ValidationError):
            EventBatch.model_validate_json(text)


def test_lists_are_bounded_and_unknown_keys_refused():
    fact = '{"path":"a","kind":"content","gates":[]}'
    many = ",".join([fact] * (MAX_CONFLICTS + 1))
    rebase = (
        f'{{"outcome":"resolved","old_tip":"{OID}","new_tip":"{OID}","onto":"{OID}","conflicts":[{many}]}}'
    )
    for result in (f'{{"outcome":"changed","rebase":{rebase}}}', '{"outcome":"changed","more":1}'):
        with pytest.raises(ValidationError):
            EventBatch.model_validate_json(batch(result))
