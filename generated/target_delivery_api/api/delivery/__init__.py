"""The operations with the tag delivery: one module for each."""
