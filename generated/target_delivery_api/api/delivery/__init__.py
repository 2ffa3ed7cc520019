"""The operations with the tag Delivery: one module for each."""
