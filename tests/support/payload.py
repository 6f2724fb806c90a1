"""Deliveries that say something else than the forge did."""

import json


def changed(body, **parts):
    """The payload with some of its parts changed."""
    value = json.loads(body)
    for path, new in parts.items():
        target = value
        *way, last = path.split("__")
        for key in way:
            target = target[key]
        target[last] = new
    return json.dumps(value).encode()
