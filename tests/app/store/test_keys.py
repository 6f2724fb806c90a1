import inspect

from app.store import keys


def test_every_key_has_our_prefix_and_no_two_kinds_share_a_name():
    constants = [keys.JOBS, keys.LIVE, keys.OCCUPIED, keys.INBOX, keys.AUDIT]
    made = [
        make(*("5" for _ in inspect.signature(make).parameters))
        for _, make in inspect.getmembers(keys, inspect.isfunction)
    ]
    assert len(made) >= 10
    assert all(key.startswith("forgehand:") for key in [*constants, *made])
    assert len({*constants, *made}) == len(constants) + len(made)
