import pytest

from runner import namespaces


def test_a_refusal_of_the_kernel_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="prctl"):
        namespaces.prctl(99_999)
    with pytest.raises(OSError, match="mount_setattr"):
        namespaces._set_attributes(tmp_path / "nothing", namespaces.ATTR_RDONLY)
