"""The use-cases. Each is short, can be repeated at any time, and moves one job by one transition.

Nobody waits here for a runner: runners report through the broker, and `reconcile` notices those that can't.
"""
