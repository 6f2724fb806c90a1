import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_ops.conflict import Hunk
from git_ops.resolve.candidates.placing import texts_of

TEXT = st.text("ab", max_size=4).map(str.encode)


@pytest.fixture(scope="session")
def cut(one_hunk):
    def build(between):
        hunks = tuple(Hunk(id=f"h{i}", base=b"", target=b"t", agent=b"a") for i in range(1, len(between)))
        return dataclasses.replace(one_hunk(b"", b"t", b"a"), between=tuple(between), hunks=hunks)

    return build


def test_texts_are_found_again(cut):
    assert texts_of(cut([b"<", b"|", b">"]), b"<one|two>") == {"h1": b"one", "h2": b"two"}
    assert texts_of(cut([b"<", b"|", b">"]), b"<|>") == {"h1": b"", "h2": b""}


@pytest.mark.parametrize("merged", [b"<a|b|c>", b"<ab>", b"a|b>", b"<a|b", b"", b"<>"])
def test_what_is_missing_or_could_be_elsewhere_gives_nothing(cut, merged):
    assert texts_of(cut([b"<", b"|", b">"]), merged) == {}


def test_ends_must_not_overlap(cut):
    assert texts_of(cut([b"ab", b"ba"]), b"aba") == {}


@given(between=st.lists(TEXT, min_size=2, max_size=4), texts=st.lists(TEXT, min_size=3, max_size=3))
def test_only_what_was_put_there_is_found(cut, between, texts):
    conflict = cut(between)
    put = {hunk.id: text for hunk, text in zip(conflict.hunks, texts, strict=False)}
    assert texts_of(conflict, conflict.splice(put)) in ({}, put)
