"""Write the package `target_delivery_api` for a specification with the overlay applied."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openapi_python_client import Project
from openapi_python_client.config import Config, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.schema.untrusted_string import UntrustedString

from .endpoints import collections_of
from .errors import SpecificationError
from .fields import models_of
from .types import Types, named

if TYPE_CHECKING:
    from openapi_python_client.parser.errors import GeneratorError

PACKAGE = "target_delivery_api"
TEMPLATES = Path(__file__).with_name("templates")
RUNTIME = Path(__file__).with_name("runtime")
"""The files of the package that do not depend on the specification. They are copied unchanged."""

# openapi-python-client writes a client of its own. This package sends with the caller's httpx client instead.
_UNUSED = ("client.py",)


def generate(document: dict[str, Any], wire_schema: dict[str, Any], target: Path) -> None:
    """Write the package into the new directory `target`.

    Args:
        document: the specification with the overlay applied, flattened.
        wire_schema: the JSON Schema of the requests that the edge accepts.
        target: the directory to create.

    Raises:
        SpecificationError: the templates do not support `document`, or openapi-python-client reports an error.
    """
    with named("The specification"):
        project = _project(document, target)
        with contextlib.redirect_stdout(io.StringIO()):
            errors = project.build()
        if errors:
            raise SpecificationError("openapi-python-client reports: " + "; ".join(map(_text, errors)))
        for name in _UNUSED:
            (target / name).unlink()
        (target / "wire_schema.json").write_text(json.dumps(wire_schema, indent=1) + "\n", encoding="utf-8")
        _format(target)
        shutil.copytree(RUNTIME, target, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)


def differences(fresh: Path, committed: Path) -> list[str]:
    """Return one line for each file that differs between two directories."""
    left, right = _files(fresh), _files(committed)
    lines: list[str] = []
    for name in sorted(left | right):
        if name not in right:
            lines.append(f"{name}: missing")
        elif name not in left:
            lines.append(f"{name}: would not be generated")
        elif (fresh / name).read_bytes() != (committed / name).read_bytes():
            lines.append(f"{name}: differs")
    return lines


def _files(directory: Path) -> set[str]:
    return {
        path.relative_to(directory).as_posix()
        for path in directory.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _project(document: dict[str, Any], target: Path) -> Project:
    """Return the project that openapi-python-client writes: modules for models, enums and operations, by our templates.

    We do not use openapi-python-client's reader. It leaves out or refuses forms that a newer version of the API may
    have: unions, maps of lists, names that collide.
    """
    types = Types(document)
    collections: Any = collections_of(document, types)
    models: Any = models_of(types)
    enums: Any = types.enums
    config = Config(
        meta_type=MetaType.NONE,
        class_overrides={},
        project_name_override=PACKAGE,
        package_name_override=PACKAGE,
        package_version_override=None,
        use_path_prefixes_for_title_model_names=True,
        post_hooks=[],
        docstrings_on_attributes=False,
        field_prefix="field_",
        generate_all_tags=False,
        http_timeout=5,
        literal_enums=False,
        document_source=target,
        file_encoding="utf-8",
        content_type_overrides={},
        overwrite=False,
        output_path=target,
    )
    data = GeneratorData(
        title=UntrustedString(PACKAGE),
        description=None,
        version=UntrustedString("0"),
        models=models,
        errors=[],
        endpoint_collections_by_tag=collections,
        enums=enums,
    )
    project = Project(openapi=data, config=config, custom_template_path=TEMPLATES)
    project.env.filters["literal"] = repr
    deprecated: dict[str, Any] = {"deprecated_classes": any(one.class_info.deprecated for one in [*models, *enums])}
    project.env.globals.update(deprecated)
    return project


def _text(error: GeneratorError) -> str:
    return " ".join(f"{error.header} {error.detail or ''}".split())


def _format(target: Path) -> None:
    """Format with ruff, ignoring the configuration of any project around `target`.

    The result must not depend on where the package is generated, because the committed code is compared with it.
    """
    common = ["--isolated", "--no-cache", "--quiet", "--target-version=py311", "--line-length=110"]
    # The temporary directory may be inside a directory that git ignores.
    common.append("--no-respect-gitignore")
    for command in (["check", "--fix", "--select=F401,I"], ["format"]):
        run = subprocess.run(  # noqa: S603
            [sys.executable, "-m", "ruff", *command, *common, str(target)],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            said = " ".join(f"{run.stdout}{run.stderr}".split())
            raise SpecificationError(f"ruff {command[0]} rejects the generated code, so a template is wrong: {said}")
