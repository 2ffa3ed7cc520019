"""Generate `generated/target_delivery_api/` from `openapi/delivery.yaml` and `openapi/overlay.yaml`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen

from . import build, bundle, descriptions, overlay
from .errors import SpecificationError
from .report import report
from .wire import wire_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parent.parent


@frozen
class Specification:
    """A specification in the forms that lead to code."""

    bundled: dict[str, Any]
    """The published specification as one document."""
    published: dict[str, Any]
    """The published specification, flattened."""
    overlaid: dict[str, Any]
    """The specification with the whole overlay applied, flattened. The code is generated from it."""
    wire: dict[str, Any]
    """The JSON Schema of the requests that the edge accepts."""


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command in the project at `root` and return its exit status."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.check and options.spec:
        parser.error("--check uses the committed specification: leave out --spec, or leave out --check")
    try:
        if options.bundle is not None:
            text = bundle.dump(bundle.bundle(options.spec or str(root / "openapi" / "delivery.yaml")))
            options.bundle.write_text(text, encoding="utf-8")
            return 0
        if options.check:
            return _check(root)
        return _generate(root, options.spec)
    except SpecificationError as error:
        print(f"generator: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m generator", description=__doc__)
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--check",
        action="store_true",
        help="write nothing; print the committed files that differ from the generated ones, and fail if there are any",
    )
    modes.add_argument(
        "--bundle", metavar="FILE", type=Path, help="only write the specification to FILE, as one document"
    )
    parser.add_argument(
        "--spec",
        metavar="PATH_OR_URL",
        help="replace openapi/delivery.yaml by this specification (in one file or many), generate, and report what "
        "changed",
    )
    return parser


def _specification(source: str, root: Path, *, strict: bool = True) -> Specification:
    """Read the specification at `source` and apply the overlay to it. `strict`: see overlay.apply."""
    name = "openapi/overlay.yaml"
    changes = bundle.read(root / name)
    overlay.check_form(changes, name)
    ours = descriptions.read(root / "openapi" / "descriptions.yaml")
    bundled = bundle.bundle(source)
    overlaid = overlay.apply(changes, bundled, strict=strict)  # first, because it names every action that does not fit
    corrected = overlay.apply(changes, bundled, purpose="correction", strict=strict)
    bundle.validate(corrected, f"{source} with the corrections in {name}")
    bundle.validate(overlaid, f"{source} with {name} over it")
    # Before flattening, so that the fields of a schema that is part of another one are described once.
    described = descriptions.apply(ours, overlaid)
    return Specification(
        bundled, bundle.flatten(bundled), bundle.flatten(described), wire_schema(bundle.flatten(corrected))
    )


def _generate(root: Path, source: str | None) -> int:
    """Generate everything into a temporary directory first, so that a failure changes no committed file."""
    committed = root / "openapi" / "delivery.yaml"
    new = _specification(source or str(committed), root)
    text = ""
    if source is not None:
        # Not strict, because the overlay may already fit the new specification and no longer the old one.
        old = _specification(str(committed), root, strict=False)
        text = report((old.published, new.published), (old.overlaid, new.overlaid))
    target = root / "generated" / build.PACKAGE
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=target.parent) as directory:
        fresh = Path(directory) / build.PACKAGE
        build.generate(new.overlaid, new.wire, fresh)
        specification = Path(directory) / committed.name
        specification.write_text(bundle.dump(new.bundled), encoding="utf-8")
        aside = build.replace(fresh, target)
        if source is not None:
            try:
                os.replace(specification, committed)
            except OSError:
                target.rename(fresh)
                aside.rename(target)
                raise
    if text:
        print(text)
    return 0


def _check(root: Path) -> int:
    """Print the committed files that differ from what would be generated. Return 1 if there are any, else 0."""
    specification = _specification(str(root / "openapi" / "delivery.yaml"), root)
    with tempfile.TemporaryDirectory() as directory:
        fresh = Path(directory) / build.PACKAGE
        build.generate(specification.overlaid, specification.wire, fresh)
        lines = build.differences(fresh, root / "generated" / build.PACKAGE)
    for line in lines:
        print(f"generated/{build.PACKAGE}/{line}")
    if lines:
        print("The committed code differs from what the generator makes. Run: python -m generator", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
