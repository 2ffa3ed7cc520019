"""What is timed: functions that take the setup and return what runs a number of operations.

Each module is run by `benchmarks.worker`, some in an environment of their own.
"""
