import os

from runner.scratch import door_folder, remove_tree, scratch_folder


def test_is_private_and_gone_afterwards_whatever_is_in_it(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    with scratch_folder(str(tmp_path / "deep" / "er")) as folder:
        assert folder.stat().st_mode & 0o077 == 0
        closed = folder / "closed" / "inner"
        closed.mkdir(parents=True)
        (closed / "file").touch()
        (folder / "link").symlink_to(outside)
        closed.chmod(0)
        closed.parent.chmod(0)
    assert not folder.exists()
    assert (outside / "kept").exists()


def test_a_long_path_gets_a_short_door(tmp_path):
    long = tmp_path / ("x" * 100)
    long.mkdir()
    with door_folder(long) as door:
        assert len(os.fsencode(door / "api")) < 100
    assert not door.exists()
    with door_folder(tmp_path / "..") as door:
        assert door.stat().st_mode & 0o077 == 0
        door.rmdir()


def test_removing_what_is_not_there_is_no_error(tmp_path):
    remove_tree(tmp_path / "nothing")
