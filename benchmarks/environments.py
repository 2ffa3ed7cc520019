"""What the alternatives need: environments with the published SDKs, and code that openapi-python-client makes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from typing import TYPE_CHECKING

from benchmarks.harness import ROOT
from generator import bundle, overlay

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = "target-python-sdk==1.1.0"
UNDECLARED = (
    "certifi==2026.10.18",
    "json-logic-qubit==0.9.1",
    "python-dateutil==2.9.0.post0",
    "requests==2.34.2",
    "setuptools==80.9.0",
    "six==1.17.0",
    "tld==0.13.2",
    "tzlocal==5.4.5",
    "urllib3==2.8.0",
    "user-agents==2.2.0",
)
"""What target-python-sdk imports and declares none of. It needs setuptools for pkg_resources, which 82 has no more."""


PUBLISHED_NODE = "@adobe/target-nodejs-sdk@2.4.3"


def published_node() -> Path:
    """Return the folder whose node_modules have target-nodejs-sdk; make it, if there is none yet.

    Raises:
        RuntimeError: there is no npm.
    """
    home = ROOT / ".nox" / "benchmarks-published-node"
    stamp = home / "contents"
    if not stamp.exists() or stamp.read_text() != PUBLISHED_NODE:
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeError("The tables of on-device decisioning need Node.js with npm.")
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        (home / "package.json").write_text('{"private": true}')
        subprocess.run([npm, "install", "--silent", "--no-audit", "--no-fund", PUBLISHED_NODE], cwd=home, check=True)
        stamp.write_text(PUBLISHED_NODE)
    return home


def published_python() -> Path:
    """Return the interpreter of an environment with target-python-sdk; make it, if there is none yet."""
    home = ROOT / ".nox" / f"benchmarks-published-{sys.version_info.major}-{sys.version_info.minor}"
    python, stamp, contents = home / "bin" / "python", home / "contents", "\n".join((PUBLISHED, *UNDECLARED))
    if not stamp.exists() or stamp.read_text() != contents:
        venv.create(home, clear=True, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "-q", PUBLISHED, *UNDECLARED], check=True)
        stamp.write_text(contents)
    return python


def stock_code(home: Path) -> None:
    """Generate `stock_delivery_api` into the directory `home`, from the document our own code is generated from."""
    openapi = ROOT / "openapi"
    document = overlay.apply(bundle.read(openapi / "overlay.yaml"), bundle.bundle(str(openapi / "delivery.yaml")))
    source, settings = home / "document.json", home / "settings.json"
    source.write_text(json.dumps(document))
    settings.write_text(json.dumps({"post_hooks": []}))
    options: list[str | Path] = [
        "--meta",
        "none",
        "--path",
        source,
        "--config",
        settings,
        "--output-path",
        home / "stock_delivery_api",
    ]
    subprocess.run([sys.executable, "-m", "openapi_python_client", "generate", *options], check=True)
