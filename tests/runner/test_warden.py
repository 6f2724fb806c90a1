import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from runner import warden

PLAN = warden.Plan(
    level="plain",
    argv=["true"],
    cwd=Path("/"),
    root=Path("/nowhere"),
    readonly=[Path("/usr")],
    writable=[Path("/tmp")],
    leash=7,
)


def test_a_plan_survives_the_way():
    assert warden.parse(json.dumps(asdict(PLAN), default=str)) == PLAN


def test_needs_nothing_but_the_standard_library():
    code = "import sys; sys.path.append(sys.argv[1]); import runner.warden; print([m for m in sys.modules if 'pydantic' in m or 'psutil' in m])"
    home = str(Path(warden.__file__).parent.parent)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, home], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_descendants_are_found_through_sessions():
    code = "import subprocess, sys; subprocess.run(['sleep', '60'], start_new_session=True)"
    with subprocess.Popen([sys.executable, "-c", code]) as child:
        while len(warden._descendants(child.pid)) < 1:
            pass
        found = warden._descendants(os.getpid())
        assert child.pid in found
        grandchildren = warden._descendants(child.pid)
        assert set(grandchildren) <= set(found)
        child.kill()
        for pid in grandchildren:
            os.kill(pid, 9)
