import copy

from app.launchers.port import Order, Token


def test_a_token_does_not_print():
    order = Order(job_id="job00000001", attempt=1, broker_url="http://b", token=Token("s3cret"))
    assert "s3cret" not in repr(order)
    assert "s3cret" not in f"{order}"
    assert str(copy.copy(order).token) == "s3cret"
