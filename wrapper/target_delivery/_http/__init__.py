"""The wire: HTTP clients, deadlines, and forks."""
