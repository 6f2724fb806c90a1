"""All calls, as one list that any forge of Gitea's kind can be asked."""

from tests.app.demo.forge_calls.code import files, merges, pulls, statuses
from tests.app.demo.forge_calls.player import Player
from tests.app.demo.forge_calls.rights import hooks, people, scopes, switches
from tests.app.demo.forge_calls.threads import labels, reviews, threads
from tests.support.forge import RunningForge


def play(server: RunningForge) -> Player:
    """Make every call; `server` needs its administrator."""
    player = Player(server)
    for scene in (threads, reviews, labels, hooks, scopes, people, switches, statuses, pulls, merges, files):
        scene(player)
    return player
