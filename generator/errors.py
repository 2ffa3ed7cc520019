"""What stops a generation."""


class SpecificationError(Exception):
    """The specification, or the overlay over it, cannot be used.

    The text names the document and the place in it, says what is wrong there, and what to do.
    """
