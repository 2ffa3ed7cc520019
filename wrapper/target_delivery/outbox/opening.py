"""Opening."""


def open_store() -> None:
    """x."""
