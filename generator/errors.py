"""The error with which the generator stops."""


class SpecificationError(Exception):
    """The specification or the overlay cannot be used.

    Each problem is one sentence that names the document and the place in it, and says what is wrong and what to do.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
