"""git as the person at the keyboard runs it: for the few steps that touch their own checkout.

* Their configuration counts (filters such as LFS, line ends, sparse checkouts, identity), because their files must
  come out as their own git would write them. Hooks are off, nothing is asked at the terminal, nothing is collected.
* No variable that would lead git to another repository, index or object store gets in. git looks for the
  repository itself, from the work tree, so that its own check of who owns it (`safe.directory`) applies.
"""

import dataclasses
import os

from git_ops.process import Git

_PASSED_ON = (
    "GIT_ATTR_NOSYSTEM",
    "GIT_AUTHOR_",
    "GIT_COMMITTER_",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_SYSTEM",
    "GIT_EXEC_PATH",
    "GIT_LFS_",
    "GIT_SSL_",
)
_FORCED = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)


@dataclasses.dataclass(frozen=True, slots=True)
class PersonGit(Git):
    """git in the checkout at `work_tree`, with the person's own environment and configuration."""

    def environment(self) -> dict[str, str]:
        """The person's environment, without what would lead git elsewhere."""
        env = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("GIT_") or name.startswith(_PASSED_ON)
        }
        env |= {
            # English messages, whatever the locale; LC_ALL would change what filters take for text
            "LANGUAGE": "en",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_CONFIG_COUNT": str(len(_FORCED)),
        }
        for i, (key, value) in enumerate(_FORCED):
            env[f"GIT_CONFIG_KEY_{i}"] = key
            env[f"GIT_CONFIG_VALUE_{i}"] = value
        return env
