"""Make a text from elsewhere safe for people to read in logs and errors."""

from __future__ import annotations

__all__ = ["printable"]


def printable(value: object) -> str:
    r"""Return the text of a value with each control or invisible character written as an escape, such as ``\x1b``.

    Artifacts, answers, cookies and stored notifications come from elsewhere. A line break in them could forge a line of
    a log, and an escape sequence could change what a terminal shows.
    """
    text = str(value)
    return text if text.isprintable() else "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)
