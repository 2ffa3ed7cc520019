"""Try a generated package: import it, and read and write samples with it. verify.py runs this in another process.

    python -m generator.trial PACKAGE SPECIFICATION.json [WRAPPER]

prints a JSON object with the problems of the package and those of the wrapper. The caller puts the directories around
PACKAGE and WRAPPER on the path.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from hypothesis.errors import Unsatisfiable

from .endpoints import EMPTY, collections_of, json_schema
from .fields import models_of
from .samples import Samples
from .tree import is_list, is_object, operations
from .types import Types

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from types import ModuleType

    from .endpoints import Collection

_PACKAGE = "target_delivery_api"

EXAMPLES = 25
"""The number of samples for each schema."""


def main(arguments: list[str]) -> int:
    """Print the problems as JSON. Return 0, also when there are problems."""
    package, specification, *wrapper = map(Path, arguments)
    document: dict[str, Any] = json.loads(specification.read_text(encoding="utf-8"))
    found = tried(package, document)
    in_wrapper = [] if found else [line for folder in wrapper for line in _import(folder)[1]]
    print(json.dumps({"package": found, "wrapper": in_wrapper}))
    return 0


def tried(package: Path, document: dict[str, Any], examples: int = EXAMPLES) -> list[str]:
    """Return a line for each problem of the package in the directory `package`, generated from `document`."""
    modules, broken = _import(package)
    if broken:
        return broken
    # Use the same samples each time, so that no specification fails by chance.
    settings.register_profile(
        "trial",
        database=None,
        deadline=None,
        derandomize=True,
        max_examples=examples,
        phases=[Phase.generate],
        report_multiple_bugs=False,
        suppress_health_check=[HealthCheck.data_too_large, HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    settings.load_profile("trial")
    types, samples = Types(document), Samples(document)
    # In the order of build.py, because classes of schemas without a name are named in this order.
    collections = collections_of(document, types)
    models_of(types)
    return [*_models(types, samples, modules), *_operations(document, collections, samples, modules)]


def _import(package: Path) -> tuple[dict[str, ModuleType], list[str]]:
    """Import every module of a package. Return the modules by name, and a line for each that cannot be imported."""
    modules: dict[str, ModuleType] = {}
    problems: dict[str, None] = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        if parts[-1] == "__main__":
            continue
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        try:
            modules[name] = importlib.import_module(name)
        except Exception as error:  # whatever a module does while it is imported
            if not _lacks_an_extra(error):
                problems[_place(error, package, path)] = None
    return modules, list(problems)


def _lacks_an_extra(error: Exception) -> bool:
    """Whether a module cannot be imported because a library is not installed, which is no fault of the package."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ModuleNotFoundError):
            return not (cause.name or "").startswith("target_delivery")
        cause = cause.__cause__ or cause.__context__
    return False


def _place(error: Exception, package: Path, path: Path) -> str:
    """Return the deepest line of the package that led to the error, and the error."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _inside(frame.filename, package)]
    file, line = (
        (frames[-1].filename, frames[-1].lineno) if frames else (str(path), getattr(error, "lineno", None) or 1)
    )
    return f"{file}:{line}: {type(error).__name__}: {' '.join(str(error).split())}"


def _inside(file: str, package: Path) -> bool:
    return Path(file).resolve().is_relative_to(package.resolve())


def _models(types: Types, samples: Samples, modules: dict[str, ModuleType]) -> Iterator[str]:
    """Yield a line for each model that does not give back samples as it has read them."""
    for found in types.objects:
        ref = found.class_info
        module = modules.get(f"{_PACKAGE}.models.{ref.module_name}")
        model = getattr(module, ref.name, None)
        if model is None:
            yield f"{found.place} has no class {ref.name} in the module models/{ref.module_name}.py."
            continue
        # null in its place is read by the model or the operation around it.
        problem = _problem(samples.of({**found.schema, "nullable": False}), _round_trip(model.from_dict, modules))
        if problem is not None:
            yield f"{ref.name} ({found.place}): {problem}"


def _operations(
    document: dict[str, Any],
    collections: dict[str, Collection],
    samples: Samples,
    modules: dict[str, ModuleType],
) -> Iterator[str]:
    """Yield a line for each operation that does not read or write what its specification allows."""
    answer: Any = modules[f"{_PACKAGE}.types"]
    written = {
        (endpoint.method.upper(), endpoint.address): f"{package}.{endpoint.name}"
        for package, collection in collections.items()
        for endpoint in collection.endpoints
    }
    for operation in operations(document):
        method, _, path = operation.name.partition(" ")
        module: Any = modules.get(f"{_PACKAGE}.api.{written.get((method, path))}")
        if module is None:
            yield f"{operation.name} has no module."
            continue
        schema = json_schema(operation.data.get("requestBody"))
        problem = None if schema is None else _problem(samples.of(schema), _sent(module))
        if problem is not None:
            yield f"{operation.name}, request: {problem}"
        responses = {str(key).upper(): data for key, data in operation.data["responses"].items()}
        for status, response in responses.items():
            schema, code = json_schema(response), _code(status, responses)
            if schema is None or code is None or status in EMPTY:
                continue
            problem = _problem(samples.of(schema), _round_trip(_parser(module, answer.Answer, code), modules))
            if problem is not None:
                yield f"{operation.name}, response {status}: {problem}"


def _code(status: str, responses: Container[str]) -> int | None:
    """Return a status to which the response `status` applies, and no response for fewer statuses."""
    for code in range(100, 600):
        if status == next((key for key in (str(code), f"{code // 100}XX", "DEFAULT") if key in responses), None):
            return code
    return None


def _parser(module: Any, answer: Any, code: int) -> Callable[[Any], Any]:
    return lambda value: module.parse(answer(code, {}, json.dumps(value).encode()))


def _sent(module: Any) -> Callable[[Any], None]:
    """Return a function that builds a request with a body, and compares the content with the body."""
    signature = inspect.signature(module.build_request)
    values: dict[str, Any] = {"bool": True, "int": 1, "float": 1.5, "str": "x"}
    needed = {
        name: values.get(str(parameter.annotation), "x")
        for name, parameter in signature.parameters.items()
        if parameter.default is parameter.empty and name not in ("base_url", "body")
    }

    def build(value: Any) -> None:
        if value is None:
            return  # it stands for no body
        request = module.build_request(base_url="https://edge.test", body=value, **needed)
        if json.loads(request.content) != value:
            raise AssertionError(f"the body {json.dumps(value)[:200]} is sent as {request.content[:200]!r}")

    return build


def _round_trip(read: Callable[[Any], Any], modules: dict[str, Any]) -> Callable[[Any], None]:
    """Return a function that reads a value and writes it again, and compares the two."""
    write = modules[f"{_PACKAGE}.reading"].write_json

    def compare(value: Any) -> None:
        model = read(value)
        written = write(model)
        if _without_nulls(written) != _without_nulls(value):
            raise AssertionError(f"{json.dumps(value)[:200]} is written as {json.dumps(written)[:200]}")
        unread = _without_nulls(getattr(model, "additional_properties", {}))
        if unread:
            raise AssertionError(f"no field holds {json.dumps(unread)[:200]}")

    return compare


def _without_nulls(value: Any) -> Any:
    """Return `value` without the members of objects that are null, because a model reads null as absent."""
    if is_object(value):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if is_list(value) else value


def _problem(strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> str | None:
    """Call `check` with samples. Return the problem of the first sample that fails, or None."""

    @given(strategy)
    def run(value: Any) -> None:
        check(value)

    try:
        run()
    except Unsatisfiable:
        return None  # no JSON fits the schema, for example because it contains itself without an end
    except Exception as error:  # whatever the generated code raises
        said = " ".join(str(error).split()) or type(error).__name__
        return said if isinstance(error, AssertionError) else f"{type(error).__name__}: {said}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
