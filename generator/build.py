"""Write the package `target_delivery_api` for a specification that has the overlay applied."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from openapi_python_client import Project
from openapi_python_client.config import Config, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.properties import EnumProperty, ModelProperty

from . import fields
from .errors import SpecificationError
from .tree import operations

if TYPE_CHECKING:
    from openapi_python_client.parser.openapi import Endpoint
    from openapi_python_client.parser.properties.protocol import PropertyProtocol
    from openapi_python_client.parser.responses import Response, Responses

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
        SpecificationError: openapi-python-client or the templates do not support `document`.
    """
    project = _project(document, target)
    project.openapi.models = [model for model in project.openapi.models if not fields.is_map(model)]
    for endpoints in project.openapi.endpoint_collections_by_tag.values():
        for endpoint in endpoints.endpoints:
            _check_supported(endpoint)
    with contextlib.redirect_stdout(io.StringIO()):
        errors = project.build()
    _stop_on(errors)
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
    config = Config(
        meta_type=MetaType.NONE,
        class_overrides={},
        project_name_override=None,
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
    try:
        parsed = GeneratorData.from_dict(document, config=config)
    except ValueError as error:
        raise SpecificationError(f"openapi-python-client cannot read the specification: {error}") from error
    if isinstance(parsed, GeneratorError):
        raise SpecificationError(f"openapi-python-client cannot read the specification: {_text(parsed)}")
    project = Project(openapi=parsed, config=config, custom_template_path=TEMPLATES)
    filters: dict[str, Any] = {
        "fields": fields.fields_of,
        "imports": fields.imports_of,
        "is_enum": _is_enum,
        "doc": _doc,
        "sentence": fields.sentence,
        "results": _results,
    }
    project.env.filters.update(filters)
    # openapi-python-client replaces the description of a parameter by the description of its schema.
    more: dict[str, Any] = {
        "parameter_docs": {
            parameter["name"]: " ".join(parameter.get("description", "").split())
            for operation in operations(document)
            for parameter in operation.parameters
        }
    }
    project.env.globals.update(more)
    return project


def _stop_on(errors: Any) -> None:
    """Raise SpecificationError if openapi-python-client reports errors or warnings."""
    if errors:  # warnings included: each says that an operation or a schema was left out
        raise SpecificationError(
            "openapi-python-client cannot generate from the specification: " + "; ".join(map(_text, errors))
        )


def _text(error: GeneratorError) -> str:
    return " ".join(f"{error.header} {error.detail or ''}".split())


def _check_supported(endpoint: Endpoint) -> None:
    """Raise SpecificationError if the templates do not support the operation."""
    json_body = len(endpoint.bodies) == 1 and _is_class(endpoint.bodies[0].prop)
    others = [*endpoint.path_parameters, *endpoint.header_parameters, *endpoint.cookie_parameters]
    if endpoint.method != "post" or not json_body or others:
        raise SpecificationError(
            f"{endpoint.method.upper()} {endpoint.path.get_untrusted_value()}: the templates support "
            "only operations that post one JSON object and take all parameters in the query. Extend "
            "generator/templates, or remove the operation with an overlay action."
        )


def _is_enum(ref: fields.Ref, of: list[fields.Field]) -> bool:
    return any(field.ref == ref and field.kind == "enum" for field in of)


def _doc(of: ModelProperty | EnumProperty) -> str:
    return fields.sentence(of.description) or f"{of.class_info.name}, which the specification does not describe."


def _results(responses: Responses) -> list[tuple[str, str, str]]:
    """Return the status or status range, the type of the body, and the description of each response."""
    results: list[tuple[str, str, str]] = []
    for response in responses:
        low, high = response.status_code.range or (None, None)
        code = "any other status" if low is None else f"{low}" if low == high else f"{low}-{high}"
        results.append((code, _result_type(response), fields.sentence(getattr(response.data, "description", None))))
    return results


def _result_type(response: Response) -> str:
    if response.source["return_type"] == "None":
        return "None"
    return response.prop.class_info.name if _is_class(response.prop) else "JsonValue"


def _is_class(prop: PropertyProtocol) -> TypeGuard[ModelProperty]:
    return isinstance(prop, ModelProperty) and not fields.is_map(prop)


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


def replace(fresh: Path, target: Path) -> Path:
    """Replace the directory `target` by `fresh`.

    Returns:
        The directory beside `fresh` that the old `target` was moved to. It does not exist if `target` did not.
    """
    aside = fresh.with_name(f"{fresh.name}-old")
    if target.exists():
        target.rename(aside)
    try:
        fresh.rename(target)
    except OSError:
        if aside.exists():
            aside.rename(target)
        raise
    return aside
