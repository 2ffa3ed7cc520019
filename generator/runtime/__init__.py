"""The Delivery API as Python: models, and functions that call it. Generated; see `python -m generator`."""
