"""The runners' only door: Git from the mirror, Claude with the real key added, and the attempt's events.

Every request carries the job token; one that isn't good for the current attempt of a live job is answered
401, whatever it asks for, and the runner stops.
"""

from flask import Blueprint

from app.jobs.desk import Desk
from app.web.broker import claude, events, git


def blueprint(desk: Desk) -> Blueprint:
    """All routes of the broker, below `/broker`."""
    door = Blueprint("broker", __name__, url_prefix="/broker")
    for part in (git, claude, events):
        part.add_routes(door, desk)
    return door
