"""Check that a fresh package works, and that the wrapper works with it, before it replaces the old package."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from .errors import SpecificationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HERE = Path(__file__).resolve().parent.parent
"""The directory that the package `generator` is in."""

_NEEDED = ("hypothesis", "mypy", "pyright")

TIMEOUT = 300.0
"""The longest time of a check, in seconds. A check takes about ten, but a wrong package may make it run for ever."""

_LONGEST = 300
"""Characters of a problem in a message."""


@frozen
class Found:
    """The problems of a fresh package, each one line: file, line number, and what is wrong."""

    package: tuple[str, ...]
    """Problems in the package itself: the templates do not support the specification."""
    wrapper: tuple[str, ...]
    """Lines of the wrapper that do not fit the package. A maintainer must change them by hand."""


NOTHING = Found((), ())


def verify(fresh: Path, document: dict[str, Any], root: Path) -> Found:
    """Import, type-check and try a package with samples. Import and type-check the wrapper with it.

    Args:
        fresh: the directory of the package. The checks write their files into its parent directory.
        document: the specification from which the package was generated.
        root: the project. Without a wrapper in it, only the package is checked.

    Raises:
        SpecificationError: a tool of the checks is not installed, or does not work.
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise SpecificationError(
            f"the checks of a new package need {', '.join(missing)}. Install the dependency group: "
            "pip install --group generate"
        )
    wrapper = root / "wrapper" / "target_delivery"
    folders = [fresh, *([wrapper] if wrapper.is_dir() else [])]
    specification = fresh.with_name("specification.json")
    specification.write_text(json.dumps(document), encoding="utf-8")
    trial = ["-m", "generator.trial", str(fresh), str(specification), *map(str, folders[1:])]
    path = [fresh.parent, root / "wrapper"]
    answers = _run({"trial": trial, **_type_checks(fresh.parent, folders, path)}, fresh.parent, path)
    tried: dict[str, list[str]] = _decoded("trial", answers["trial"])
    lines = [*tried["package"], *tried["wrapper"], *_typed(answers, fresh.parent)]
    found = _sorted(lines, fresh, root)
    if not found.wrapper:
        return found
    # Problems that the wrapper has with the committed package, too, say nothing about the new one. A library that is
    # not installed causes many.
    before = fresh.with_name("before")
    before.mkdir()
    path[0] = root / "generated"
    known = _typed(_run(_type_checks(before, folders[1:], path), before, path), before)
    return _sorted([line for line in lines if line not in known], fresh, root)


def _type_checks(directory: Path, folders: Sequence[Path], path: Sequence[Path]) -> dict[str, list[str]]:
    """Return the commands that type-check folders. Their configuration, which is in `directory`, is their own.

    The result must not depend on the project around `directory`.
    """
    mypy = directory / "mypy.ini"
    mypy.write_text("[mypy]\nstrict = True\nincremental = False\nexplicit_package_bases = True\n", encoding="utf-8")
    pyright = directory / "pyrightconfig.json"
    content = {
        "include": [os.path.relpath(folder, directory) for folder in folders],  # pyright ignores absolute paths
        "exclude": ["**/__pycache__"],  # by default pyright would leave out hidden directories, such as this one
        "extraPaths": [*map(str, path)],
        "typeCheckingMode": "strict",
        "reportDeprecated": "warning",  # what is deprecated still works, and the report has a line for it
        "pythonVersion": "3.11",
    }
    pyright.write_text(json.dumps(content), encoding="utf-8")
    options = [f"--config-file={mypy}", f"--cache-dir={os.devnull}", "--output=json", "--no-pretty"]
    return {
        "mypy": ["-m", "mypy", *options, *map(str, folders)],
        # Without pythonpath, pyright looks for libraries in the first Python of PATH.
        "pyright": ["-m", "pyright", "--outputjson", "--project", str(pyright), "--pythonpath", sys.executable],
    }


def _run(commands: dict[str, list[str]], directory: Path, path: Sequence[Path]) -> dict[str, str]:
    """Run Python commands at the same time and return what each printed. None of them outlives this function.

    Args:
        commands: the arguments of Python, by a name for messages.
        directory: where to start. Python imports from there first, so it must not have another package of the name.
        path: where to import from.
    """
    environment = {
        **os.environ,
        "MYPYPATH": os.pathsep.join(map(str, path)),
        "PYTHONPATH": os.pathsep.join(map(str, [*path, _HERE])),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUTF8": "1",
    }
    running: dict[str, subprocess.Popen[str]] = {}
    try:
        for name, command in commands.items():
            running[name] = subprocess.Popen(  # noqa: S603
                [sys.executable, *command],
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        answers: dict[str, str] = {}
        for name, process in running.items():
            output, error = process.communicate(timeout=TIMEOUT)
            # Status 1 means that the command found problems. mypy has status 2 for a syntax error.
            if process.returncode not in (0, 1, 2) or (process.returncode and not output.strip()):
                raise SpecificationError(f"{name} stopped with status {process.returncode}: {_short(error or output)}")
            answers[name] = output
        return answers
    except subprocess.TimeoutExpired as error:
        raise SpecificationError(f"a check of the new package took more than {TIMEOUT:.0f} seconds.") from error
    finally:
        for process in running.values():
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    """End a process and its child processes. pyright runs in a Node.js process of its own."""
    if process.poll() is None:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def _decoded(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise SpecificationError(f"{name} did not answer in JSON: {_short(text)}") from error


def _typed(answers: dict[str, str], directory: Path) -> list[str]:
    """Return the problems that mypy and pyright have found."""
    return [*_of_mypy(answers["mypy"], directory), *_of_pyright(answers["pyright"])]


def _of_mypy(output: str, directory: Path) -> list[str]:
    found: list[str] = []
    for text in output.splitlines():
        if text.startswith("{"):
            item: dict[str, Any] = _decoded("mypy", text)
            if item["severity"] == "error":
                # mypy shortens the paths of files inside its working directory.
                found.append(f"{directory / item['file']}:{item['line']}: {item['message']} ({item['code']})")
    return found


def _of_pyright(output: str) -> list[str]:
    answer: dict[str, Any] = _decoded("pyright", output)
    return [
        f"{item['file']}:{item['range']['start']['line'] + 1}: {item['message']} ({item.get('rule', 'pyright')})"
        for item in answer["generalDiagnostics"]
        if item["severity"] == "error"
    ]


def _sorted(lines: Iterable[str], fresh: Path, root: Path) -> Found:
    """Divide problems into those of the package and those of the wrapper, with paths as the project has them."""
    package: dict[str, None] = {}
    wrapper: dict[str, str] = {}
    for line in lines:
        shown = _short(line.replace(f"{fresh.parent}{os.sep}", "generated/").replace(f"{root}{os.sep}", ""))
        if shown.startswith(f"wrapper{os.sep}"):
            # One line for each place: several tools find the same problem.
            wrapper.setdefault(":".join(shown.split(":")[:2]), shown)
        else:
            package[shown] = None
    return Found(tuple(package), tuple(sorted(wrapper.values(), key=_order)))


def _order(line: str) -> tuple[str, int]:
    file, number, *_ = line.split(":")
    return file, int(number)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
