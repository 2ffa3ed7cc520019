"""Side by side with the alternatives a user has: `python -m benchmarks`. Not part of the distribution."""
