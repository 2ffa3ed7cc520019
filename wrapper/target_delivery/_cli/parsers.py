"""The types that the commands' parsers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

__all__ = ["Subcommands"]

if TYPE_CHECKING:
    import argparse

    Subcommands: TypeAlias = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]
    """What ``argparse.ArgumentParser.add_subparsers`` returns. argparse has no public name for it."""
