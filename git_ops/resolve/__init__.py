"""Resolvers of conflicts, cheapest first: rules that are always right, what Git knows, and a model.

`chain.py` has the port and the order; each other module is one resolver. To add one, add a file.
"""
