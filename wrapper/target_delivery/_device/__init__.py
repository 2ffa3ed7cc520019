"""A client's on-device side: the artifact, and the decisions made with it."""
