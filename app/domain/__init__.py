"""Pure values and rules: no I/O, no clock, no randomness; whoever calls brings those.

The only import of ours is `runner.protocol`, the values that service and runner exchange.
"""
