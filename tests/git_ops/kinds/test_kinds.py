"""Every kind of conflict as a real merge: what it is called, which stages it has, and what the rules alone make of it.

Where a situation has a `result`, the whole tree is compared, byte for byte. Where it has a `why`, the rules must
abstain with that, and the options must be those named; each is then put into the tree.
"""

import pytest

from git_ops.resolve.chain import Settled, Unsettled
from git_ops.resolve.options import options_of
from tests.git_ops.kinds import situations_files, situations_places

SITUATIONS = (*situations_files.SITUATIONS, *situations_places.SITUATIONS)


@pytest.fixture(scope="module", params=SITUATIONS, ids=lambda situation: situation.name)
def situation(request):
    return request.param


@pytest.fixture(scope="module")
def built(situation, new_fork):
    return new_fork().build(situation.base, situation.target, situation.agent)


def test_kind_and_stages(situation, built):
    assert built.merged.clean == (not situation.kinds)
    found = built.conflicts() if situation.kinds else ()
    assert {conflict.path: conflict.kind for conflict in found} == situation.kinds
    stages = {
        unlabelled(path): "".join(map(str, sorted(there)))
        for conflict in found
        for path, there in conflict.stages.items()
    }
    assert stages == situation.stages
    for conflict in found:
        assert conflict.stages.keys() <= set(conflict.paths)
        assert conflict.path in conflict.paths
        assert "~" not in conflict.path
        assert conflict.message
        assert conflict.textual == (conflict.kind in {"content", "add/add"})


def unlabelled(path):
    name, tilde, label = path.partition("~")
    return name + tilde if len(label) >= 40 else path


def test_rules_alone(situation, built):
    if not situation.kinds:
        assert built.files(built.merged.tree) == built.entries(situation.result)
        return
    outcomes = built.settle()
    if situation.result is not None:
        assert all(isinstance(outcome, Settled) for outcome in outcomes), outcomes
        tree = built.tree_with(*(outcome.resolution.files for outcome in outcomes))
        assert tree == built.entries(situation.result)
    else:
        assert all(isinstance(outcome, Unsettled) for outcome in outcomes)
        assert situation.why in "; ".join(outcome.why for outcome in outcomes)


def test_options(situation, built):
    """Each decides every path with stages, takes away every name that Git made up, and puts sides' own bytes."""
    if not situation.why:
        return
    (conflict,) = built.conflicts()
    options = options_of(conflict, built.context)
    assert tuple(option.name for option in options) == situation.options
    own = {content for side in (built.onto, built.tip) for _, content in built.files(side).values()}
    for option in options:
        rest = option.rest
        assert conflict.stages.keys() <= option.files.keys() | ({rest.path} if rest else set())
        tree = built.tree_with(option.files)
        assert not built.parked() & tree.keys()
        assert rest is None or (rest.path not in option.files and rest.hunks)
        left = {path: content for path, (_, content) in tree.items() if rest is None or path != rest.path}
        assert set(left.values()) <= own
