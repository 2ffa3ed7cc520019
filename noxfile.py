"""The developer's manual: every check there is. `nox` runs the default ones, `nox --list` names them all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
LOWEST, TYPED = PYTHONS[0], ["wrapper", "generated", "generator", "noxfile.py"]

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "types", "drift", "tests", "build"]

# pyenv keeps its interpreters off the PATH until one is chosen; the tests want all of them.
_pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
os.environ["PATH"] = os.pathsep.join(
    [
        *(str(path) for version in PYTHONS for path in sorted(_pyenv.glob(f"{version}.*/bin"))),
        os.environ["PATH"],
    ]
)


def install(session: nox.Session, *groups: str, package: str = ".[sandbox,on-device,http2,redis]") -> None:
    """Install the package, editable, and dependency groups of pyproject.toml."""
    project = nox.project.load_toml(ROOT / "pyproject.toml")
    session.install("-q", "-e", package, *nox.project.dependency_groups(project, *groups))


def scratch(session: nox.Session) -> Path:
    """Return a directory for a session's files. Unlike nox's own it does not become the TMPDIR of what is run."""
    directory = Path(session.virtualenv.location).resolve() / "scratch"
    directory.mkdir(exist_ok=True)
    return directory


@nox.session(python=LOWEST)
def lint(session: nox.Session) -> None:
    """Style and likely mistakes: ruff."""
    session.install("-q", *nox.project.dependency_groups(nox.project.load_toml(ROOT / "pyproject.toml"), "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(python=LOWEST)
def types(session: nox.Session) -> None:
    """Types of our code, of user programs that must or must not pass, and of the public API as a whole."""
    install(session, "dev")
    session.run("mypy", *TYPED)
    session.run("pyright", *TYPED)
    session.run("python", "tests/typing/check.py")
    session.run("pyright", "--verifytypes", "target_delivery", "--ignoreexternal")


@nox.session(python=LOWEST)
def drift(session: nox.Session) -> None:
    """The generated code is what the specification and the overlay make."""
    install(session, "generate")
    session.run("python", "-m", "generator", "--check")


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All tests, in two processes; with branch coverage on the lowest Python. `-- ARGUMENTS` go to pytest instead."""
    install(session, "generate", "test")
    if session.posargs:
        session.run("python", "-m", "pytest", *session.posargs)
    elif session.python == LOWEST:
        data = {"COVERAGE_FILE": str(scratch(session) / "coverage")}
        session.run("python", "-m", "pytest", "--numprocesses=2", "--cov", "--cov-fail-under=95", env=data)
    else:
        # Killing processes at random fifty times is enough on one Python.
        session.run("python", "-m", "pytest", "--numprocesses=2", env={"OUTBOX_KILLS": "10"})


@nox.session(python=LOWEST)
def conformance(session: nox.Session) -> None:
    """On-device decisioning against suites of the public format: `nox -s conformance -- FOLDER`."""
    install(session, "test")
    folders = [argument for folder in session.posargs for argument in ("--suites", folder)]
    session.run("pytest", "tests/conformance", *folders)


@nox.session(python=LOWEST)
def build(session: nox.Session) -> None:
    """Wheel and sdist, and the documented job from the wheel alone."""
    session.install("-q", "build", "twine")
    dist = scratch(session) / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(dist), silent=True)
    artifacts = sorted(map(str, dist.iterdir()))
    session.run("twine", "check", "--strict", *artifacts)
    empty = scratch(session) / "empty"
    session.run("python", "-m", "venv", "--clear", str(empty))
    (wheel,) = dist.glob("*.whl")
    session.run(str(empty / "bin" / "pip"), "install", "-q", f"{wheel}[sandbox]", external=True)
    with session.chdir(empty):
        session.run(str(empty / "bin" / "target-delivery"), "demo", external=True)


@nox.session(python=LOWEST)
def benchmarks(session: nox.Session) -> None:
    """Side by side with the alternatives; writes benchmarks/RESULTS.md."""
    install(session, "generate", "test")
    session.run("python", "-m", "benchmarks", *session.posargs)
