"""Redis, the one store: jobs, deliveries, tokens, logs, locks and the task queue.

Every change that must not be torn apart is one MULTI, the follow-up tasks in it; whoever reads before writing
watches what was read. Key names live in `keys.py` and nowhere else.
"""
