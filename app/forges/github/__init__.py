"""GitHub as a forge: adapter, authentication, payloads of its webhooks, and what setting it up takes."""
