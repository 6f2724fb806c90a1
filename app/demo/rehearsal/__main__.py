"""`python -m app.demo.rehearsal --port N --scenario NAME | --scenario-file FILE`.

Prints `READY http://127.0.0.1:PORT` on stdout once it listens, and ends on SIGTERM or SIGINT.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from app.demo.rehearsal.scenario import Scenario, ScenarioError, load
from app.demo.rehearsal.scenarios import BUILT_IN
from app.demo.rehearsal.server import Rehearsal


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop; the exit code is 2 where the arguments can't be used."""
    parser = argparse.ArgumentParser(
        prog="python -m app.demo.rehearsal", description="A scripted Claude API."
    )
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--scenario", choices=sorted(BUILT_IN))
    which.add_argument("--scenario-file", type=Path)
    arguments = parser.parse_args(argv)
    try:
        scenario = load(arguments.scenario_file) if arguments.scenario_file else BUILT_IN[arguments.scenario]
        server = Rehearsal(scenario, arguments.port)
    except ScenarioError as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"port {arguments.port} can't be used: {error.strerror}; choose another or 0.")
    return _serve(server, scenario)


def _serve(server: Rehearsal, scenario: Scenario) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with server:
        threading.Thread(target=server.serve_forever, name=f"rehearsal-{scenario.name}", daemon=True).start()
        sys.stdout.write(f"READY {server.url}\n")
        sys.stdout.flush()
        stop.wait()
        server.stopping.set()
        server.shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
