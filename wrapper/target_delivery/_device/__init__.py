"""The on-device side of a client: keeps the artifact up to date, and decides with it."""
