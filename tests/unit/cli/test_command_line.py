"""The command `target-delivery`, called in-process, and without its extras."""

import subprocess
import sys
from pathlib import Path

import pytest

from target_delivery._cli.main import main
from target_delivery.sandbox import Sandbox

WITHOUT = "import sys; sys.modules[{missing!r}] = None; "
EXTRA = 'pip install "target-delivery[sandbox]"'


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("missing", ["jsonschema", "mmh3", "publicsuffixlist", "rich", "starlette", "uvicorn"])
def test_without_the_extra_the_import_says_what_to_install(missing: str) -> None:
    result = python(WITHOUT.format(missing=missing) + "import target_delivery.sandbox")
    last = result.stderr.splitlines()[-1]
    assert last.startswith('ImportError: target_delivery.sandbox needs the extra "sandbox"')
    assert f"{missing} is not installed" in last
    assert EXTRA in last


def test_another_missing_module_is_not_mistaken_for_the_extra() -> None:
    result = python(WITHOUT.format(missing="asyncio") + "import target_delivery.sandbox")
    assert "ModuleNotFoundError: import of asyncio halted" in result.stderr
    assert EXTRA not in result.stderr


@pytest.mark.parametrize("missing", ["uvicorn", "rich"])
def test_without_the_extra_the_command_says_what_to_install(missing: str) -> None:
    code = "from target_delivery._cli.main import main; sys.exit(main(['sandbox']))"
    result = python(WITHOUT.format(missing=missing) + code)
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert f"{missing} is not installed" in line
    assert EXTRA in line


def test_a_mistake_of_the_sdk_is_not_mistaken_for_a_missing_extra() -> None:
    code = "from target_delivery._cli.main import main; sys.exit(main(['demo']))"
    result = python(WITHOUT.format(missing="target_delivery.sandbox.app") + code)
    assert "ModuleNotFoundError: import of target_delivery.sandbox.app halted" in result.stderr
    assert EXTRA not in result.stderr


def test_help_needs_no_extra_and_explains_the_faults() -> None:
    code = "from target_delivery._cli.main import main; main(['sandbox', '--help'])"
    result = python("".join(WITHOUT.format(missing=name) for name in ("uvicorn", "rich")) + code)
    assert result.returncode == 0
    assert "--fault status=503@0.2" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--host", "0.0.0.0"], "host '0.0.0.0' is not a loopback address"),
        (["--cluster", "-1"], "cluster -1 is not between 0 and 99999"),
        (["--port", "70000"], "port 70000 is not between 0 and 65535"),
        (["--fault", "explode"], "'explode' is not a fault"),
        (["--artifact", "missing.json"], "No such file or directory: 'missing.json'"),
    ],
)
def test_a_wrong_call_is_explained_in_a_line(
    arguments: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["sandbox", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("target-delivery sandbox: ")
    assert message in line


def test_a_port_that_is_taken_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with Sandbox() as edge:
        port = edge.server_domain.rpartition(":")[2]
        assert main(["sandbox", "--port", port]) == 1
    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_without_a_command_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "COMMAND" in capsys.readouterr().err
