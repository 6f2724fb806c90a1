from git_ops.resolve.candidates.patience import Patience


def test_a_unique_line_settles_what_stays(one_hunk):
    base = b"}\n}\nunique\n}\n}\n"
    target, agent = b"}\n}\nnew\n}\nunique\n}\n}\n", b"}\n}\nunique\nlast\n}\n}\n"
    found = Patience().propose(one_hunk(base, target, agent))
    assert found == {"h1": b"}\n}\nnew\n}\nunique\nlast\n}\n}\n"}


def test_a_conflict_stays_one(one_hunk):
    assert Patience().propose(one_hunk(b"a\n", b"b\n", b"c\n")) == {}
