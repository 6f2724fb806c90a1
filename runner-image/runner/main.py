"""The runner's process: from two environment variables to a delivered result.

Exit code 0: the broker has the result, whatever it says. 1: it couldn't be delivered. 2: the environment is
incomplete. 3: the attempt was over before it ended (fenced).

The token is taken out of the environment at once, the process's memory can't be read by others, and SIGTERM ends
the sandbox and reports before it ends us. A `kill -9` ends the sandbox too (see `warden.py`); only the scratch
folder is left then.
"""

import os
import signal
import sys
from collections.abc import MutableMapping

from runner import namespaces
from runner.attempt import Attempt
from runner.broker import Broker, Door, Events, patiently
from runner.ending import Interrupt
from runner.errors import Fenced, RunnerError, Stopped
from runner.scratch import scratch_folder

PR_SET_DUMPABLE = 4
OK, UNDELIVERED, MISCONFIGURED, FENCED = 0, 1, 2, 3


def main() -> int:
    """Do the attempt; the exit code is explained in the module's docstring."""
    door = take_door(os.environ)
    if door is None:
        _say(
            "FORGEHAND_BROKER_URL (http:// or https://) and FORGEHAND_JOB_TOKEN must be set: a launcher starts this."
        )
        return MISCONFIGURED
    namespaces.prctl(PR_SET_DUMPABLE, 0)
    interrupt = Interrupt()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(
            number, lambda *_: interrupt.trigger(Stopped("The runner was told to stop; try again."))
        )
    broker = Broker(door)
    try:
        return _serve(broker, door, interrupt)
    except Fenced as error:
        _say(str(error))
        return FENCED
    except RunnerError as error:
        _say(str(error))
        return UNDELIVERED
    finally:
        broker.close()


def take_door(environ: MutableMapping[str, str]) -> Door | None:
    """The broker's address and the token, which is removed from `environ`; none where one is missing."""
    url = environ.get("FORGEHAND_BROKER_URL", "").rstrip("/")
    token = environ.pop("FORGEHAND_JOB_TOKEN", "").strip()
    if (
        not url.startswith(("http://", "https://"))
        or not token.isascii()
        or not token.isprintable()
        or not token
    ):
        return None
    return Door(url=url, token=token)


def _serve(broker: Broker, door: Door, interrupt: Interrupt) -> int:
    spec = patiently(broker.job, interrupt)
    events = Events(broker.send, interrupt)
    events.start()
    try:
        with scratch_folder(os.environ.get("FORGEHAND_SCRATCH")) as scratch:
            # said before the folder is removed: whatever is in it must not keep the result back
            events.finish(Attempt(spec, door, events, interrupt, scratch).run())
    finally:
        events.close()
    return OK


def _say(text: str) -> None:
    sys.stderr.write(f"runner: {text}\n")
