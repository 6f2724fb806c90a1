"""What Gitea and Forgejo have in common, for their adapters to build on. Not an adapter itself."""
