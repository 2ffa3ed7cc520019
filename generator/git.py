"""Read files of a former commit."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from .errors import SpecificationError

if TYPE_CHECKING:
    from pathlib import Path


def read(root: Path, commit: str, name: str) -> bytes | None:
    """Return the content of the file `name` of the project at `root` in `commit`; None if it had no such file.

    Args:
        root: the directory of the project, in a git repository.
        commit: a commit, a tag or a branch.
        name: path from `root`, with slashes.

    Raises:
        SpecificationError: git is not installed, `root` is in no repository, or there is no such commit.
    """
    found = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    if found.returncode:
        said = " ".join(found.stderr.decode(errors="replace").split())
        raise SpecificationError(
            f"--against: {commit!r} is not a commit, tag or branch of the repository{f' ({said})' if said else ''}. "
            "`git log` and `git tag` list them."
        )
    shown = _git(root, "show", f"{found.stdout.decode().strip()}:./{name}")
    return None if shown.returncode else shown.stdout


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)  # noqa: S603, S607
    except OSError as error:
        raise SpecificationError(f"--against needs git, which cannot be run: {error}") from error
