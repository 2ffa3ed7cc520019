"""`target-delivery decide`: the decision and its explanation."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from target_delivery._cli.main import main
from target_delivery.sandbox import demo_artifact

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def artifact() -> dict[str, Any]:
    return demo_artifact()


@pytest.fixture
def file(tmp_path: Path, artifact: dict[str, Any]) -> str:
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(artifact))
    return str(file)


def decided(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["decide", *arguments]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def contents(answer: Any) -> list[Any]:
    return [option["content"] for mbox in answer["execute"]["mboxes"] for option in mbox.get("options", ())]


def test_the_answer_is_json(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    answer = decided(capsys, "--artifact", file, "--mbox", "home", "--mbox", "unknown")
    assert answer["client"] == "sandbox"
    assert answer["id"]["tntId"]
    assert contents(answer) == ["<h1>Good to see you</h1>"]
    assert answer["execute"]["mboxes"][1] == {"name": "unknown", "index": 1}


@pytest.mark.parametrize(
    ("arguments", "condition", "met"),
    [
        (["--param", "customer=returning"], {"==": [{"var": "mbox.customer"}, "returning"]}, True),
        (["--param", "note=a=b", "--param", "x="], {"==": [{"var": "mbox.note"}, "a=b"]}, True),
        (["--url", "https://shop.test/sale"], {"==": [{"var": "page.path"}, "/sale"]}, True),
        (["--referring-url", "https://search.test/"], {"==": [{"var": "referring.domain"}, "search.test"]}, True),
        (["--user-agent", "Mozilla/5.0 (X11; rv:121.0) Firefox/121.0"], {">": [{"var": "user.browserVersion"}, 9]}, 1),
        (["--geo", "countryCode=NO", "--geo", "latitude=63.4"], {"<": [{"var": "geo.latitude"}, 64]}, True),
        (["--property-token", "mine"], True, False),
        (["--tnt-id", "a", "--client", "one"], {"<": [{"var": "allocation"}, 50]}, False),
        (["--tnt-id", "a", "--client", "two"], {"<": [{"var": "allocation"}, 50]}, True),
    ],
)
def test_rules_see_the_values_of_the_options(
    arguments: list[str],
    condition: Any,
    met: object,
    artifact: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rule = artifact["rules"]["mboxes"]["home"][0]
    rule["condition"] = condition
    if "--property-token" in arguments:
        rule["propertyTokens"] = ["another"]
    artifact["rules"]["mboxes"]["home"] = [rule]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(artifact))
    answer = decided(capsys, "--artifact", str(file), "--mbox", "home", *arguments)
    assert bool(contents(answer)) is bool(met)


def test_it_explains_each_activity_as_text(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--artifact", file, "--mbox", "home", "--param", "customer=new", "--explain"]
    assert main(["decide", *arguments]) == 0
    answer, _, explanation = capsys.readouterr().out.partition("\n\n")
    assert contents(json.loads(answer)) == ["<h1>Good to see you</h1>"]
    assert explanation.splitlines() == [
        "execute mbox 'home'",
        "    activity 1001 'Welcome on the home page' applies",
        "        experience 0 'Friendly': applies",
        "            yes not this",
        '                no  mbox.customer == "returning" (mbox.customer is "new")',
        "        experience 1 'Brisk': an earlier rule applies",
    ]


def test_it_explains_as_data(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    both = decided(capsys, "--artifact", file, "--mbox", "newsletter", "--explain", "json")
    ((activity,),) = [item["activities"] for item in both["explanation"]["items"]]
    assert activity["id"] == "1006"
    verdicts = {rule["experienceName"]: rule["verdict"] for rule in activity["rules"]}
    (applied,) = [name for name, verdict in verdicts.items() if verdict == "applies"]
    # The answer and its explanation are about the same new visitor.
    (mbox,) = both["response"]["execute"]["mboxes"]
    assert mbox["options"][0]["responseTokens"]["experience.name"] == applied


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--artifact", "missing.json"], 1, "No such file or directory: 'missing.json'"),
        (["--artifact", "broken.json"], 1, "the artifact is not JSON"),
        (["--artifact", "newer.json"], 1, "the artifact has version '2.0.0', but this SDK reads 1.x.y"),
        (["--artifact", "newer.json", "--param", "a"], 2, "--param 'a' is not of the form NAME=VALUE"),
        (["--artifact", "newer.json", "--geo", "country=NO"], 2, "--geo does not know 'country'; it knows latitude, "),
        (["--artifact", "newer.json", "--geo", "latitude=north"], 2, "--geo latitude must be a number, not 'north'"),
    ],
)
def test_a_wrong_call_is_explained_in_a_line(
    arguments: list[str],
    code: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "newer.json").write_text('{"version": "2.0.0"}')
    assert main(["decide", "--mbox", "home", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("target-delivery decide: ")
    assert message in line


def test_a_warning_about_a_rule_is_not_part_of_the_answer(
    artifact: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    artifact["rules"]["mboxes"]["home"][0]["condition"] = {"guess": []}
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(artifact))
    assert main(["decide", "--artifact", str(file), "--mbox", "home"]) == 0
    out, err = capsys.readouterr()
    assert contents(json.loads(out)) == []
    assert "the operator 'guess' is unknown" in err


@pytest.mark.parametrize("missing", ["mmh3", "publicsuffixlist"])
def test_a_missing_extra_is_named(missing: str, file: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None; from target_delivery._cli.main import main; "
        f"sys.exit(main(['decide', '--artifact', {file!r}, '--mbox', 'home']))"
    )
    result = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"{missing} is not installed" in line
    assert 'pip install "target-delivery[on-device]"' in line
