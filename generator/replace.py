"""Put a fresh package and its specification in place: all of it or nothing."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import FrameType

PREFIX = ".new-"
"""How the names of the temporary directories begin, which stand beside the package."""

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def workshop(target: Path) -> Generator[Path]:
    """Make a temporary directory beside `target`, and remove it at the end.

    It is on the disk of `target`, so that a package can be moved from one to the other in one step. If a former run
    was killed, what it left is put back or removed first.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in sorted(target.parent.glob(f"{PREFIX}*")):
        if _runs(left):
            continue
        if _old(left, target).exists() and not target.exists():
            _old(left, target).rename(target)
        shutil.rmtree(left, ignore_errors=True)
    prefix = f"{PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=target.parent, ignore_cleanup_errors=True) as directory:
        yield target.parent / directory


def replace(fresh: Path, target: Path, specification: Path | None, committed: Path) -> None:
    """Replace the directory `target` by `fresh`, and the file `committed` by `specification`.

    A signal that asks the process to end takes effect afterwards. If one of the steps fails, the steps before it are
    undone.

    Args:
        fresh: the new package, in the workshop.
        target: the package. It need not exist.
        specification: the new specification, in the workshop; None leaves `committed` as it is.
        committed: the specification of the project.
    """
    old = _old(fresh.parent, target)
    with _uninterrupted():
        try:
            if target.exists():
                target.rename(old)
            fresh.rename(target)
            if specification is not None:
                os.replace(specification, committed)
        except OSError:
            if old.exists():
                if target.exists():
                    target.rename(fresh)
                old.rename(target)
            elif not fresh.exists() and target.exists():
                target.rename(fresh)
            raise


def write(path: Path, text: str) -> None:
    """Write the file `path` whole, or leave it as it was."""
    if path.exists() and not path.is_file():  # a pipe or a device
        path.write_text(text, encoding="utf-8")
        return
    final = path.resolve()  # the standard output and other links keep their names
    aside = final.with_name(f"{PREFIX}{os.getpid()}-{final.name}")
    try:
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, final)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        aside.unlink(missing_ok=True)


def _old(workshop: Path, target: Path) -> Path:
    """Return where the old package stands while it is replaced."""
    return workshop / f"{target.name}-old"


def _runs(workshop: Path) -> bool:
    """Whether the process that made the workshop may still use it."""
    number = workshop.name.removeprefix(PREFIX).partition("-")[0]
    if sys.platform == "win32" or not number.isdecimal():
        return sys.platform == "win32"  # where no signal asks without harm
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@contextmanager
def _uninterrupted() -> Generator[None]:
    """Let signals wait until the block has ended."""
    if threading.current_thread() is not threading.main_thread():  # only there may handlers be set
        yield
        return
    arrived: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        arrived.append(number)

    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    handlers = {number: signal.signal(number, note) for number in numbers}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            with suppress(TypeError):  # None is a handler that was not set from Python
                signal.signal(number, handler)
        for number in arrived:
            signal.raise_signal(number)
