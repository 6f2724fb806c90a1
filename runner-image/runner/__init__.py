"""The runner: everything that happens near an untrusted repository.

It is given `FORGEHAND_BROKER_URL` and `FORGEHAND_JOB_TOKEN`, and nothing else. It has two sides with one
workspace: the *supervisor* (this package: has the token, keeps its own private Git directory, makes the
commits) and the *sandbox* (where Claude Code and the repository's own commands run: no token, no network).
The package knows `git_ops` and nothing of `app`.
"""
