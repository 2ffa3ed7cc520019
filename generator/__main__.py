"""Generate `generated/target_delivery_api/` from the documents in `openapi/`, or take over a new specification.

Without options, the command generates the package from the documents in `openapi/`. Before it puts a new package in
place, it imports and type-checks the package, reads and writes samples with it, and imports and type-checks the
wrapper with it. docs/regeneration.md says how to take over a new specification, step by step.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # The imports below take a second, in which Python would answer ^C with a traceback.
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

from . import build, bundle, compare, descriptions, documents, git, replace, specification
from .errors import SpecificationError
from .mentions import mentions
from .report import Report
from .verify import NOTHING, verify

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType
    from typing import NoReturn

    from .specification import Specification
    from .verify import Found

ROOT = Path(__file__).resolve().parent.parent

# The exit statuses of the command.
DONE = 0
DIFFERENT = 1
UNUSABLE = 2
BROKEN_WRAPPER = 3

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

_STATUSES = """exit statuses:
  0  done; --check found no difference
  1  --check found a difference, or the report has changes that --fail-on names; nothing was put in place
  2  an error: the messages say what to do; nothing was put in place
  3  the wrapper does not fit the new package; nothing was put in place
  130, 143 and others above 128: a signal ended the command; it put all in place or nothing
"""


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command in the project at `root` and return its exit status."""
    options = _options(arguments)
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):  # a stream that is closed, or that a test or an editor has replaced
            # A terminal may be unable to show a character of the specification.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # TextIO does not have it
    try:
        status = _run(options, root)
        sys.stdout.flush()
        return status
    except SpecificationError as error:
        problems = error.problems
    except OSError as error:
        try:
            sys.stdout.flush()
        except OSError:
            # The program that reads the report, such as `head`, has ended, or its disk is full. Without this line,
            # Python would flush the stream again at exit, and print an error of its own.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        file = f"{error.filename}: " if error.filename else ""
        problems = (f"a file cannot be read or written: {file}{error.strerror or error}. Nothing was put in place.",)
    except Exception as error:  # a fault of the generator, not of the maintainer
        frame = traceback.extract_tb(error.__traceback__)[-1]
        problems = (
            f"unexpected {type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}: "
            f"{' '.join(str(error).split())[:300]}. Nothing was put in place. Please report it with the specification.",
        )
    for problem in problems:
        _say(problem)
    return UNUSABLE


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m generator",
        description=__doc__,
        epilog=_STATUSES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument(
        "--check",
        action="store_true",
        help="write nothing; list the files of the package that differ from what would be generated, and exit with "
        "status 1 if there are any",
    )
    modes.add_argument(
        "--bundle",
        metavar="FILE",
        type=Path,
        help="only write the specification (of --spec, or the committed one) to FILE, as one document",
    )
    modes.add_argument(
        "--dry-run", action="store_true", help="run all checks and print the report, but put nothing in place"
    )
    parser.add_argument(
        "--spec",
        metavar="PATH_OR_URL",
        help="take over this specification (a file, a folder or a URL): generate the package from it, report what "
        "changed, and replace openapi/delivery.yaml",
    )
    parser.add_argument(
        "--against",
        metavar="GIT_REF",
        help="compare with this commit, tag or branch, including its overlay, and report what changed. Without --spec, "
        "only report",
    )
    parser.add_argument(
        "--format",
        choices=("text", "markdown", "json"),
        default="text",
        help="form of the report; markdown is a fragment for CHANGELOG.md (default: text)",
    )
    parser.add_argument(
        "--wording", action="store_true", help="list Adobe's changes of wording instead of counting them"
    )
    parser.add_argument(
        "--fail-on",
        choices=("breaking", "any"),
        help="exit with status 1 and put nothing in place: breaking, if a change breaks callers; any, if anything "
        "changed, even if only wording",
    )
    parser.add_argument(
        "--accept-broken-wrapper",
        action="store_true",
        help="put the new package in place although the wrapper does not fit it yet",
    )
    options = parser.parse_args(arguments)
    if options.check and (options.spec, options.against) != (None, None):
        parser.error("--check uses the committed specification: leave out --spec and --against, or leave out --check")
    if options.bundle is not None and options.against is not None:
        parser.error("--bundle writes one specification: leave out --against, or leave out --bundle")
    apart = options.check or options.bundle is not None
    reports = (options.spec, options.against) != (None, None) and not apart
    if not reports and (options.wording or options.fail_on or options.format != "text"):
        parser.error(
            "--format, --wording and --fail-on need a report: add --spec or --against, and leave out --check and "
            "--bundle"
        )
    if options.accept_broken_wrapper and (apart or (options.spec is None and options.against is not None)):
        parser.error(
            "--accept-broken-wrapper needs a run that generates: leave out --check and --bundle, or add --spec"
        )
    return options


def _run(options: argparse.Namespace, root: Path) -> int:
    if sys.stdout is None:  # it is closed
        raise SpecificationError("The standard output is closed, so no report can be printed. Open it.")
    folder = root / "openapi"
    if options.bundle is not None:
        text = documents.dump(
            bundle.bundle(str(folder / specification.SPECIFICATION) if options.spec is None else options.spec)
        )
        replace.write(options.bundle, text)
        return DONE
    if options.check:
        return _check(root)
    if options.against is not None and options.spec is None:
        new = specification.load(str(folder / specification.SPECIFICATION), folder)
        report = _report(_at(options.against, root), new)
        print(report.render(options.format, wording=options.wording), flush=True)
        return _status(report, options)
    return _generate(options, root)


def _generate(options: argparse.Namespace, root: Path) -> int:
    """Generate everything into a temporary directory first, so that a failure changes no committed file."""
    folder, target = root / "openapi", root / "generated" / build.PACKAGE
    committed = folder / specification.SPECIFICATION
    old: Specification | None = None
    if options.spec is not None:
        if "://" in options.spec:
            _say(f"reading {documents.shown(options.spec)}")
        former = specification.load_former(folder)
        new = specification.load(options.spec, folder, like=former.bundled)
        old = former if options.against is None else _at(options.against, root)
    else:
        new = specification.load(str(committed), folder)
    with replace.temporary() if options.dry_run else replace.workshop(target) as directory:
        fresh = directory / build.PACKAGE
        build.generate(new.described, new.wire, fresh)
        found = NOTHING
        if not target.is_dir() or build.differences(fresh, target):
            _say("checking the new package, and the wrapper with it: 15 to 60 seconds")
            found = verify(fresh, new.described, root)
        if found.package:
            raise SpecificationError(*(f"the generated package does not work: {line}" for line in found.package))
        status = DONE
        if old is None:
            for line in found.wrapper:
                print(line, flush=True)
        else:
            report = _report(old, new, found, tuple(mentions(old.overlaid, new.overlaid, root)))
            # Print the report before anything changes: if printing fails, nothing is put in place.
            print(report.render(options.format, wording=options.wording), flush=True)
            status = _status(report, options)
        if found.wrapper and not options.accept_broken_wrapper:
            _say(
                "the listed lines of the wrapper do not fit the new package, so nothing was put in place. "
                "Add --accept-broken-wrapper to put it in place, then change these lines."
            )
            return BROKEN_WRAPPER
        if status == DONE and not options.dry_run:
            text = fresh.with_name(committed.name)
            text.write_text(documents.dump(new.bundled), encoding="utf-8")
            replace.replace(fresh, target, None if options.spec is None else text, committed)
    return status


def _report(old: Specification, new: Specification, found: Found = NOTHING, named: tuple[str, ...] = ()) -> Report:
    return Report(
        changes=tuple(compare.changes((old.published, new.published), (old.overlaid, new.overlaid))),
        wording=tuple(descriptions.wording(old.bundled, new.bundled)),
        undescribed=new.undescribed,
        unused=new.unused,
        broken=found.wrapper,
        mentions=named,
    )


def _status(report: Report, options: argparse.Namespace) -> int:
    """Return DIFFERENT if the report has changes that --fail-on names, otherwise DONE."""
    anything = bool(report.changes or report.wording)
    fails = {"breaking": report.verdict == "breaks", "any": anything}.get(options.fail_on, False)
    if fails:
        _say(f"--fail-on {options.fail_on}: the report lists such changes, so nothing was put in place")
    return DIFFERENT if fails else DONE


def _at(commit: str, root: Path) -> Specification:
    """Read the specification, the overlay and the descriptions of a former commit."""
    with replace.temporary() as directory:
        folder = directory / "openapi"
        folder.mkdir()
        for name in (specification.SPECIFICATION, specification.OVERLAY, specification.DESCRIPTIONS):
            content = git.read(root, commit, f"openapi/{name}")
            if content is not None:
                (folder / name).write_bytes(content)
            elif name != specification.DESCRIPTIONS:
                raise SpecificationError(f"--against: {commit} has no openapi/{name}, so nothing can be compared.")
        try:
            return specification.load_former(folder)
        except SpecificationError as error:
            # The paths are those of temporary files.
            problems = (problem.replace(f"{directory}{os.sep}", "") for problem in error.problems)
            raise SpecificationError(*(f"--against: {commit} cannot be read: {one}" for one in problems)) from error


def _check(root: Path) -> int:
    """Print the files that differ from what would be generated. Return DIFFERENT if there are any, otherwise DONE."""
    folder = root / "openapi"
    new = specification.load(str(folder / specification.SPECIFICATION), folder)
    with replace.temporary() as directory:
        fresh = directory / build.PACKAGE
        build.generate(new.described, new.wire, fresh)
        lines = build.differences(fresh, root / "generated" / build.PACKAGE)
    for line in lines:
        print(f"generated/{build.PACKAGE}/{line}")
    if lines:
        _say("these files differ from what would be generated. Run: python -m generator")
    return DIFFERENT if lines else DONE


def _say(text: str) -> None:
    with suppress(OSError):  # nobody reads the standard error, so go on
        if sys.stderr is not None:  # it is None when it is closed
            print(f"generator: {compare.printable(text)}", file=sys.stderr, flush=True)


def _nothing(_number: int, _frame: FrameType | None) -> None:
    pass


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    """Raise SystemExit with the status of a signal, so that temporary directories are removed first."""
    for other in _SIGNALS:  # a second signal must not interrupt the removal
        # Not SIG_IGN: Python prints an error about a signal that has arrived already.
        signal.signal(other, _nothing)
    raise SystemExit(128 + number)


if __name__ == "__main__":
    for one in _SIGNALS:
        if signal.getsignal(one) != signal.SIG_IGN:  # nohup, or a shell's background
            signal.signal(one, _end)
    sys.exit(main())
