"""See the folder table in docs/architecture.md."""
