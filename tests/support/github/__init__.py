"""A stand-in for GitHub's REST API in front of a Gitea-compatible forge, for tests only.

It isn't GitHub. It is built from GitHub's API description and held to it (`tests/app/forges/github/test_description.py`);
the data is the forge's, the same accounts and tokens. It refuses what GitHub's documentation says that GitHub refuses.

    with standing_in(forge.url) as api_url:
        GitHub(forge.url, token, api_url=api_url)
"""

from tests.support.github.server import serving, standing_in
from tests.support.github.standin import Exchange, StandIn

__all__ = ["Exchange", "StandIn", "serving", "standing_in"]
