import pytest

from git_ops.resolve.candidates.keyed import DISPUTED, MAX_DEPTH, MAX_KEYS, Unmergeable, merge_into, same


def insert(mapping, at, key, value):
    items = list(mapping.items())
    mapping.clear()
    mapping.update([*items[:at], (key, value), *items[at:]])


def merged(base, target, agent):
    merge_into(base, target, agent, insert)
    return list(target.items())


@pytest.mark.parametrize(
    ("base", "target", "agent", "expected"),
    [
        ({"a": 1}, {"a": 1, "t": 2}, {"a": 1, "b": 3}, {"a": 1, "b": 3, "t": 2}),  # sorted
        (
            {"z": 1, "y": 1},
            {"z": 1, "t": 2, "y": 1},
            {"z": 1, "b": 3, "y": 1},
            {"z": 1, "t": 2, "b": 3, "y": 1},
        ),
        ({"a": 1, "b": 1}, {"a": 1, "b": 2}, {"b": 1}, {"b": 2}),
        ({"a": 1}, {"a": 2}, {"a": 3}, {"a": DISPUTED}),
        ({"a": 1}, {"a": 2}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": 2}, {}, {"a": DISPUTED}),
        ({"a": {"x": 1, "y": 1}}, {"a": {"x": 2, "y": 1}}, {"a": {"x": 1, "y": 2}}, {"a": {"x": 2, "y": 2}}),
        ({}, {"a": {"x": 1}}, {"a": {"y": 1}}, {"a": {"x": 1, "y": 1}}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 3]}, {"a": DISPUTED}),
        ({"a": "text"}, {"a": {"x": 1}}, {"a": {"y": 1}}, {"a": DISPUTED}),
        ({"a": 1}, {"a": 1.0}, {"a": True}, {"a": DISPUTED}),
    ],
)
def test_by_key(base, target, agent, expected):
    assert merged(base, target, agent) == list(expected.items())


def test_what_cannot_be_shown_is_unmergeable():
    with pytest.raises(Unmergeable):
        merged({"a": 1}, {}, {"a": 2})
    with pytest.raises(Unmergeable):
        merged([], {}, {})
    with pytest.raises(Unmergeable):
        merged({}, {str(i): i for i in range(MAX_KEYS)}, {"a": 1})


def test_depth_is_bounded():
    base, target, agent = {"x": 0}, {"x": 1}, {"x": 0, "y": 1}
    for _ in range(MAX_DEPTH + 1):
        base, target, agent = {"d": base}, {"d": target}, {"d": agent}
    with pytest.raises(Unmergeable):
        merged(base, target, agent)


def test_equal_is_of_one_kind():
    assert same({"a": [1, "x"]}, {"a": [1, "x"]})
    assert not same({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert not same([1], [True])
