"""The operations tagged delivery: one module each."""
