"""The developer's manual: every check there is. `nox` runs the checks of a change, `nox --list` names all sessions."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import nox

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
TYPED = ["wrapper", "generated", "generator", "tests/contracts.py", "noxfile.py"]

# pyenv keeps its interpreters off the PATH until one is chosen; the tests need all of them.
_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
os.environ["PATH"] = os.pathsep.join([*map(str, sorted(_pyenv.glob("3.1[1-9].*/bin"))), os.environ["PATH"]])

# uv trusts the certificates of the system, as pip does. A company's own are often only there.
os.environ.setdefault("UV_SYSTEM_CERTS", "1")

# The supported Pythons that this machine has, the lowest first.
PYTHONS = [
    version
    for version in nox.project.python_versions(PROJECT)
    if shutil.which(f"python{version}") or sys.version.startswith(f"{version}.")
]
LOWEST = PYTHONS[0]

nox.needs_version = ">=2025.10.16"  # the first with the option download_python
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "drift", f"tests-{LOWEST}", "build"]


ends = [("", time.perf_counter())]


def timed(function: Callable[[nox.Session], None]) -> Callable[[nox.Session], None]:
    """Note when a session ends. The seconds of all of them are the last thing that is printed."""

    @functools.wraps(function)
    def session_function(session: nox.Session) -> None:
        try:
            function(session)
        finally:
            ends.append((session.name, time.perf_counter()))

    return session_function


@atexit.register
def print_seconds() -> None:
    """Print how many seconds each session took, with the making of its environment."""
    for (_, began), (name, ended) in itertools.pairwise(ends):
        print(f"{ended - began:7.1f} s  {name}")
    if len(ends) > 2:
        print(f"{ends[-1][1] - ends[0][1]:7.1f} s  in all")


def install(session: nox.Session, *groups: str, package: str = ".[sandbox,on-device,http2,aiohttp,redis]") -> None:
    """Install the package, editable, and dependency groups of pyproject.toml."""
    session.install("-q", "-e", package, *nox.project.dependency_groups(PROJECT, *groups))


def scratch(session: nox.Session) -> Path:
    """Return a directory for a session's files. Unlike nox's own it does not become the TMPDIR of what is run."""
    directory = Path(session.virtualenv.location).resolve() / "scratch"
    directory.mkdir(exist_ok=True)
    return directory


def run_pytest(session: nox.Session, *arguments: str) -> None:
    """Run pytest in two processes. A process that is done takes tests from the other."""
    session.run("python", "-m", "pytest", "--numprocesses=2", "--dist=worksteal", *arguments)


@nox.session(python=LOWEST)
@timed
def lint(session: nox.Session) -> None:
    """Style and likely mistakes (ruff), and which room may import which (import-linter)."""
    session.install("-q", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache", "--no-logo", env={"PYTHONPATH": "wrapper:generated"})


@nox.session(python=LOWEST)
@timed
def types(session: nox.Session) -> None:
    """Types of our code, of user programs that must or must not pass, and of the public API as a whole."""
    install(session, "dev")
    session.run("mypy", *TYPED)
    session.run("pyright", *TYPED)
    session.run("python", "tests/typing/check.py")
    session.run("pyright", "--verifytypes", "target_delivery", "--ignoreexternal")


@nox.session(python=LOWEST)
@timed
def drift(session: nox.Session) -> None:
    """The generated code is what the specification and the overlay make."""
    install(session, "generate")
    session.run("python", "-m", "generator", "--check")


@nox.session(python=PYTHONS)
@timed
def tests(session: nox.Session) -> None:
    """Unit, integration and conformance tests, with coverage on the lowest Python. `-- ARGUMENTS` go to pytest."""
    install(session, "generate", "test")
    if session.posargs:
        session.run("python", "-m", "pytest", *session.posargs)
    elif session.python == LOWEST:
        session.env["COVERAGE_FILE"] = str(scratch(session) / "coverage")
        run_pytest(session, "--cov", "--cov-fail-under=95")
    else:
        run_pytest(session)


@nox.session(python=LOWEST)
@timed
def chaos(session: nox.Session) -> None:
    """Killed processes, faults, forks, growth, a Redis that fails, and the slow tests of tests/integration."""
    install(session, "test")
    run_pytest(session, "tests/chaos", "-m", "slow or not slow", *session.posargs)
    if not session.posargs:
        run_pytest(session, "tests/integration", "-m", "slow")


@nox.session(python=LOWEST)
@timed
def regeneration(session: nox.Session) -> None:
    """New specifications, from the document to the checked package. NIGHTLY=1 tries many more."""
    install(session, "generate", "test")
    if "NIGHTLY" in os.environ:
        session.env.setdefault("EVOLUTIONS", "100")
    session.run("pyright", "--version", silent=True)  # downloads pyright before two processes need it
    run_pytest(session, "tests/regeneration", *session.posargs)


@nox.session(python=LOWEST)
@timed
def conformance(session: nox.Session) -> None:
    """On-device decisioning against suites of the public format: `nox -s conformance -- FOLDER`."""
    install(session, "test")
    folders = [argument for folder in session.posargs for argument in ("--suites", folder)]
    session.run("python", "-m", "pytest", "tests/conformance", *folders)


@nox.session(python=LOWEST)
@timed
def build(session: nox.Session) -> None:
    """Wheel and sdist, and the documented job from the wheel alone. `-- FOLDER` is where they are put."""
    session.install("-q", "build[uv]", "twine")
    dist = Path(session.posargs[0]).resolve() if session.posargs else scratch(session) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--installer=uv", "--outdir", str(dist), silent=True)
    artifacts = sorted(map(str, dist.iterdir()))
    session.run("twine", "check", "--strict", *artifacts)
    empty = scratch(session) / "empty"
    session.run("uv", "venv", "-q", "--clear", str(empty))
    (wheel,) = dist.glob("*.whl")
    session.run("uv", "pip", "install", "-q", "--python", str(empty), f"{wheel}[sandbox]")
    with session.chdir(empty):
        session.run(str(empty / "bin" / "target-delivery"), "demo", external=True)


@nox.session(python=LOWEST)
@timed
def benchmarks(session: nox.Session) -> None:
    """Side by side with the alternatives; writes benchmarks/RESULTS.md."""
    install(session, "generate", "test")
    session.run("python", "-m", "benchmarks", *session.posargs)
