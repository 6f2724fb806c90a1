"""Gitea as a forge: adapter, payloads of its webhooks, and what setting it up takes."""
