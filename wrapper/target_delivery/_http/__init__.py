"""The wire: connection pool, deadlines, forks."""
