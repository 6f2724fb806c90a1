import pytest

from git_ops.conflict import Conflict, Hunk, Side
from git_ops.resolve.clusters import MAX_CHARS, MAX_FILES, clusters_of, weight


def conflict(path, target=b"", agent=b"", *, base=b"", head=b"", paths=()):
    side = Side(mode="100644", oid="1" * 40, content=head + target)
    return Conflict(
        path=path, kind="content", paths=(path, *paths), stages={path: {2: side}}, base=None, target=side, agent=None,
        between=(head, b""), hunks=(Hunk(id="h1", base=base, target=target, agent=agent),),
    )  # fmt: skip


def paths(conflicts):
    return [tuple(c.path for c in cluster) for cluster in clusters_of(conflicts)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (conflict("src/foo.c"), conflict("src/foo.h")),
        (conflict("src/widget.py"), conflict("tests/unit/test_widget.py")),
        (conflict("src/Widget.java"), conflict("test/WidgetTest.java")),
        (conflict("a/list.js"), conflict("a/test/list.spec.js")),
        (conflict("old.py"), conflict("new.py", paths=("old.py",))),
        (conflict("a.py", head=b"from pkg import helper\n"), conflict("pkg/helper.py")),
        (conflict("a.c", head=b'#include "deep/helper.h"\n'), conflict("deep/helper.h")),
        (conflict("a.js", head=b'const x = require("./helper-fn")\n'), conflict("lib/helper-fn.js")),
        (conflict("a.py", b"retry_limit = 3\n"), conflict("b.md", b"", b"`retry_limit` is new\n")),
    ],
    ids=["header", "test", "java-test", "js-spec", "rename", "import", "include", "require", "changed-word"],
)
def test_related(one, other):
    far = conflict("zzz/unrelated.txt", b"something else\n")
    assert paths([one, far, other]) == [(one.path, other.path), (far.path,)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (conflict("a/index.js"), conflict("b/index.js")),
        (conflict("a/__init__.py"), conflict("tests/__init__.py")),
        (conflict("a.py", head=b"# helper is great\n"), conflict("helper.py")),
        (
            conflict("a.py", b"x = old_name\n", b"old_name", base=b"old_name"),
            conflict("b.py", b"y = old_name\n", b"old_name", base=b"old_name"),
        ),
        (conflict("a", b"for x in y\n"), conflict("b", b"for x in z\n")),
    ],
    ids=["same-common-name", "packages", "comment", "unchanged-word", "short-words"],
)
def test_unrelated(one, other):
    assert paths([one, other]) == [(one.path,), (other.path,)]


def test_a_word_that_many_changed_ties_nobody():
    many = [conflict(f"{n}.txt", b"copyright_2027\n") for n in range(5)]
    assert len(clusters_of(many)) == 5


def test_too_many_files_are_split():
    files = [conflict(f"a.{n}") for n in range(MAX_FILES * 2 + 1)]
    assert [len(cluster) for cluster in clusters_of(files)] == [MAX_FILES, MAX_FILES, 1]


def test_too_much_text_is_split():
    half = b"x" * (MAX_CHARS // 2)
    files = [conflict(f"a.{n}", half) for n in range(3)] + [conflict("a.big", half * 4)]
    assert sorted(len(cluster) for cluster in clusters_of(files)) == [1, 1, 2]
    assert all(sum(map(weight, c)) <= MAX_CHARS or len(c) == 1 for c in clusters_of(files))


def test_every_conflict_is_in_one_cluster_in_order():
    files = [conflict(f"{n % 7}/{n}.py", b"word_%d\n" % (n % 11)) for n in range(60)]
    found = clusters_of(files)
    assert sorted(c.path for cluster in found for c in cluster) == sorted(c.path for c in files)
    order = [c.path for c in files]
    assert all(list(c) == sorted(c, key=lambda one: order.index(one.path)) for c in found)


def test_many_files_take_no_time():
    files = [conflict(f"d{n}/same.py", b"word_%d\n" % n, head=b"import same\n") for n in range(3_000)]
    assert sum(map(len, clusters_of(files))) == 3_000


def test_nothing_gives_nothing():
    assert clusters_of([]) == []
