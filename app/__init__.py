"""The Forgehand service: webhooks in, pull requests out. ARCHITECTURE.md tells the life of one job."""
