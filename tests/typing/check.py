"""Check what users' type checkers say: programs in passes/ are clean, those in fails/ err exactly where they say so.

A comment at the end of a line that must fail, or above it, has what the checkers call the mistake, and where that alone
does not tell the mistake from others, words that one of their messages must contain::

    TargetClient.create({"client": "demo"})  # error: mypy[typeddict-item] pyright[reportArgumentType]: organization_id

The package is seen as a user's checker sees it: installed, through its py.typed, and with nothing configured but
strictness; the programs in fails/ are pyright's to refuse without it, too.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent


class Place(NamedTuple):
    """A line of a program."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{HERE / self.file}:{self.line}"


Error = tuple[Place, str]
"""Where, and what its checker calls it, as in ``mypy[arg-type]``."""


def run(checker: str, *arguments: str) -> str:
    """Return what a checker says of all programs."""
    done = subprocess.run([sys.executable, "-m", checker, *arguments], cwd=HERE, capture_output=True, text=True)
    if done.returncode != 1 or not done.stdout:  # some programs do fail: 0 means that they were not read
        sys.exit(f"{checker} did not check the programs:\n{done.stdout}{done.stderr}")
    return done.stdout


def mypy() -> dict[Error, str]:
    """Return mypy's errors with their messages."""
    output = run("mypy", "--strict", "--config-file=", "--explicit-package-bases", "--output=json", "passes", "fails")
    return {
        (Place(report["file"], report["line"]), f"mypy[{report['code']}]"): report["message"]
        for report in map(json.loads, output.splitlines())
        if report["severity"] == "error"
    }


def pyright() -> dict[Error, str]:
    """Return pyright's errors with their messages; pyrightconfig.json makes it strict with passes/."""
    output = run("pyright", "--project", str(HERE), "--pythonpath", sys.executable, "--outputjson")
    errors: dict[Error, str] = {}
    for report in json.loads(output)["generalDiagnostics"]:
        if report["severity"] != "information":
            file, line = Path(report["file"]).relative_to(HERE).as_posix(), report["range"]["start"]["line"] + 1
            errors[Place(file, line), f"pyright[{report.get('rule')}]"] = report["message"]
    return errors


def announced() -> tuple[set[Error], dict[Place, str]]:
    """Return the errors that the programs in fails/ announce, and the words that a message of a line must contain."""
    errors: set[Error] = set()
    words: dict[Place, str] = {}
    for path in HERE.glob("fails/*.py"):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            code, announcement, comment = line.partition("# error: ")
            if announcement:
                place = Place(path.relative_to(HERE).as_posix(), number if code.strip() else number + 1)
                names, _, words[place] = comment.partition(": ")
                errors |= {(place, name) for name in names.split()}
    return errors, words


def main() -> None:
    """Print every difference; exit with status 1 if there is one."""
    (expected, words), found = announced(), mypy() | pyright()
    differences = [
        *(
            f"{place}: {code} was not announced: {found[place, code]}"
            for place, code in sorted(found.keys() - expected)
        ),
        *(f"{place}: {code} did not come" for place, code in sorted(expected - found.keys())),
        *(
            f"{place}: no message says {text}"
            for place, text in words.items()
            if not any(text in message for (where, _), message in found.items() if where == place)
        ),
    ]
    if differences:
        print(*differences, sep="\n")
        sys.exit(f"{len(differences)} differences")
    print(f"The programs pass, or fail with the {len(expected)} errors they announce.")


if __name__ == "__main__":
    main()
