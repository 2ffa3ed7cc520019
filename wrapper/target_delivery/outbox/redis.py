"""RedisStore."""


class RedisStore:
    """x."""
