"""The pure core: it does no I/O, and is handed its clock and its chance."""
