"""Where an outbox keeps its notifications."""
