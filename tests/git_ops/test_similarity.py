import pytest

from git_ops.similarity import boilerplate_of, similarity, telling_lines

A, B, C = b"a telling line\n", b"another telling one\n", b"and a third of them\n"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (A + B, A + B, 1.0),
        (A + B, b"  " + B + b"\n\n}\n" + A, 1.0),
        (A, B, 0.0),
        (b"", b"", 0.0),
        (b"}\n}\n", b"}\n", 0.0),
        (A + A, A, 0.5),
    ],
)
def test_similarity(one, other, expected):
    assert similarity(telling_lines(one), telling_lines(other)) == expected
    assert similarity(telling_lines(other), telling_lines(one)) == expected


def test_boilerplate_does_not_count():
    usual = boilerplate_of([A + B, A + C, A])
    assert usual == {A.strip()}
    assert similarity(telling_lines(A + B, usual), telling_lines(A + C, usual)) == 0
    assert similarity(telling_lines(A + B), telling_lines(A + C)) > 0.3
