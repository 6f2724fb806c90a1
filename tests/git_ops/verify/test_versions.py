import dataclasses

from git_ops.verify.versions import written


def test_sides_of_the_conflicts_own_path(case):
    (one,) = written(case.conflict, case.hunk(b"x\n"))
    assert (one.path, one.result) == ("f.txt", b"head\nx\ntail\n")
    assert (one.base, one.target, one.agent) == tuple(
        side.content for side in (case.conflict.base, case.conflict.target, case.conflict.agent)
    )


def test_sides_of_another_path_are_what_is_staged_there(case, file_of):
    moved = dataclasses.replace(case.conflict, stages={"g": {3: case.conflict.agent}}, paths=("f.txt", "g"))
    files = {"g": file_of(content=b"x"), "h": file_of(content=b"y")}
    one, other = written(moved, case.whole(None, files=files))
    assert (one.base, one.target, one.agent) == (None, None, case.conflict.agent.content)
    assert (other.path, other.sides, other.base) == ("h", (), None)


def test_objects_links_and_removals_have_no_text(case, file_of):
    files = {"a": None, "b": file_of(oid="2" * 40), "c": file_of("120000", content=b"x")}
    assert list(written(case.conflict, case.whole(None, files=files))) == []
