"""Adobe's repository is taken over as it is published, and the project still passes its tests."""

import functools
import http.server
import os
import shutil
import subprocess
import sys
import threading

import pytest

from tests.unit.generator.conftest import ROOT
from tests.upstream import write_repository

from .conftest import hash_of

NIGHTLY = "NIGHTLY" in os.environ


@pytest.fixture
def repository(tmp_path, published):
    return write_repository(published, tmp_path / "upstream")


@pytest.fixture
def behind_a_redirect(repository):
    """Return the address of the repository's root document, which redirects to another folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            if self.path.startswith("/latest"):
                self.send_response(302)
                self.send_header("Location", "/delivery/api.yaml")
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                super().do_GET()

        def log_message(self, *_):
            pass

    handler = functools.partial(Handler, directory=repository.parent.parent)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/latest/openapi"
    server.shutdown()
    server.server_close()


def test_from_a_folder_and_from_the_web(house, regenerate, repository, behind_a_redirect, tree):
    generated = tree(house / "generated")

    for source in (repository, behind_a_redirect, repository.parent):
        ran = regenerate(house, "--spec", source)

        assert ran.returncode == 0, ran.stderr
        assert tree(house / "generated") == generated
        first = source is repository
        assert ("adobe changed the wording" in ran.stdout.lower()) is first, ran.stdout
        assert "Breaks" not in ran.stdout
        assert regenerate(house, "--check").returncode == 0


def test_the_tests_pass_after_it(tmp_path, regenerate, committed, environment):
    """Every test in the nightly run; else those that read the specification or the generated package."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    copy = tmp_path / "copy"
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    before = hash_of(copy)

    ran = regenerate(copy, "--spec", write_repository(committed, tmp_path / "upstream"))

    assert ran.returncode == 0, ran.stderr
    assert hash_of(copy) != before
    folders = [] if NIGHTLY else ["tests/unit/generator", "tests/unit/generated", "tests/unit/sandbox"]
    tested = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", *folders],
        cwd=copy,
        env={**environment, "PYTHONPATH": f"{copy / 'wrapper'}{os.pathsep}{copy / 'generated'}"},
        capture_output=True,
        text=True,
    )
    assert tested.returncode == 0, tested.stdout[-3000:]
