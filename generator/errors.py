"""The error that stops the generator."""


class SpecificationError(Exception):
    """The specification or the overlay cannot be used.

    The message names the document and the place in it, and says what is wrong and what to do.
    """
