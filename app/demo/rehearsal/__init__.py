"""A scripted Claude Messages API: the part of the model that a rehearsal needs, as a process of its own.

Start it with `python -m app.demo.rehearsal --port 0 --scenario story`. It speaks the real wire format (JSON and
server-sent events), so the real Claude Code binary and the real SDK run against it; only the thinking is scripted.

* `scenario.py`   what a script is: data, parsed
* `scenarios.py`  the scripts that come with the demo
* `steps.py`      which step is next, and what it says: pure functions of the request
* `conflicts.py`  the answer to a request for conflict resolutions
* `wire.py`       messages and events as they go over the wire
* `server.py`     HTTP, the request log, holding and releasing
"""
