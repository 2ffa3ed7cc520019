"""Run mypy and pyright on programs of users: passes/ has no errors, fails/ exactly the errors that it announces.

A comment announces the errors of its line, or of the next line if it stands alone. It lists the codes of the errors.
After a colon it may add words that one of the messages must contain::

    TargetClient.create({"client": "demo"})  # error: mypy[typeddict-item] pyright[reportArgumentType]: organization_id

The programs of README.md and docs/ have no errors either. Those of a page are checked as one file.

The checkers see the package as they do at a user's: installed, with its py.typed, and with no settings but strict mode.
For fails/, pyright is not in strict mode, because it must find those errors without it.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import frozen

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


@frozen(order=True)
class Place:
    """A line of a program."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{HERE / self.file}:{self.line}"


Error = tuple[Place, str]
"""A place, and the code of the error with the name of the checker, as in ``mypy[arg-type]``."""


def run(checker: str, *arguments: str) -> str:
    """Return what a checker prints about all programs."""
    done = subprocess.run([sys.executable, "-m", checker, *arguments], cwd=HERE, capture_output=True, text=True)
    if done.returncode != 1 or not done.stdout:  # fails/ has errors: 0 means that the checker did not read it
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
    """Return the errors that fails/ announces, and for each line the words that one of its messages must contain."""
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


def programs_of_pages() -> Iterator[tuple[str, str]]:
    """Yield the programs of README.md and docs/, each with a name. A line has the same number as on its page."""
    for page in (ROOT / "README.md", *ROOT.glob("docs/*.md")):
        programs = {"page": ""}
        text = page.read_text(encoding="utf-8")
        for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            name = "page"
            if own_file := re.match(r"# (test_\w+)\.py", block[1]):
                name = own_file[1]
            before = programs.setdefault(name, "")
            programs[name] = before + "\n" * (text.count("\n", 0, block.start(1)) - before.count("\n")) + block[1]
        for name, program in programs.items():
            yield f"{page.stem.replace('-', '_')}_{name}", program


def errors_on_pages() -> list[str]:
    """Return what the checkers say about the programs of README.md and docs/."""
    with TemporaryDirectory() as folder:
        for name, program in programs_of_pages():
            Path(folder, f"{name}.py").write_text(program, encoding="utf-8")
        said: list[str] = []
        for command in (
            ["mypy", "--strict", "--config-file=", "--no-error-summary", folder],
            ["pyright", "--pythonpath", sys.executable, folder],
        ):
            done = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True)
            if done.returncode:
                said.append(done.stdout + done.stderr)
        return said


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
    differences += errors_on_pages()
    if differences:
        print(*differences, sep="\n")
        sys.exit(f"{len(differences)} differences")
    print(f"The programs pass, or fail with the {len(expected)} errors they announce. The pages have no errors.")


if __name__ == "__main__":
    main()
