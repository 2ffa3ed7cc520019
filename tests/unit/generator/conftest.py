"""A specification to change: whole, in many files, and behind a server.

`openapi/` beside this file has copies of the project's three documents. They stay as they are when the project takes
over a new specification, so the tests of the generator do not depend on the present version of the API.
"""

import copy
import functools
import http.server
import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from generator import build, bundle, specification

ROOT = Path(__file__).resolve().parents[3]
OPENAPI = Path(__file__).with_name("openapi")


@pytest.fixture(scope="session")
def _published():
    return bundle.bundle(str(OPENAPI / "delivery.yaml"))


@pytest.fixture(scope="session")
def _house(tmp_path_factory):
    """Return a project with the three documents and the package that is generated from them."""
    house = tmp_path_factory.mktemp("project")
    shutil.copytree(OPENAPI, house / "openapi")
    loaded = specification.load(str(OPENAPI / "delivery.yaml"), OPENAPI)
    build.generate(loaded.described, loaded.wire, house / "generated" / build.PACKAGE)
    return house


@pytest.fixture
def published(_published):
    """Return a copy of the bundled specification that a test may change."""
    return copy.deepcopy(_published)


@pytest.fixture
def overlay_document():
    return bundle.read(OPENAPI / "overlay.yaml")


@pytest.fixture
def house(_house, tmp_path):
    """Return a copy of a project with a specification and generated code."""
    return shutil.copytree(_house, tmp_path / "house")


@pytest.fixture
def tree():
    """Return a function that gives the content of every file under a directory."""

    def files(directory):
        return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}

    return files


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a document to a file, and returns the path."""

    def written(name, document):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(document if isinstance(document, str) else bundle.dump(document), encoding="utf-8")
        return path

    return written


@pytest.fixture
def split(write):
    """Return a function that writes a specification as many files, and returns the path of the root."""

    def relative(value, prefix):
        if isinstance(value, list):
            return [relative(item, prefix) for item in value]
        if isinstance(value, dict):
            return {
                key: f"{prefix}{item.rsplit('/', 1)[-1]}.yaml" if key == "$ref" else relative(item, prefix)
                for key, item in value.items()
            }
        return value

    def written(document):
        document = copy.deepcopy(document)
        schemas = document["components"]["schemas"]
        for name, schema in schemas.items():
            write(f"spec/schemas/{name}.yaml", relative(schema, "./"))
        # The root document names half of the schemas. Only references in other schemas lead to the other half.
        document["components"]["schemas"] = {name: {"$ref": f"./schemas/{name}.yaml"} for name in sorted(schemas)[::2]}
        post = relative(document["paths"]["/rest/v1/delivery"]["post"], "../schemas/")
        write("spec/paths/parameters.yaml", {"all": {item["name"]: item for item in post["parameters"]}})
        write("spec/paths/errors.json", {"any": {"~/": post["responses"]["default"]}})
        post["parameters"] = [{"$ref": f"parameters.yaml#/all/{item['name']}"} for item in post["parameters"]]
        post["responses"]["default"] = {"$ref": "errors.json#/any/~0~1"}
        write("spec/paths/delivery.yaml", {"post": post})
        document["paths"] = {"/rest/v1/delivery": {"$ref": "paths/delivery.yaml"}}
        return write("spec/openapi.yaml", document)

    return written


@pytest.fixture
def served():
    """Return a function that serves a directory on loopback, and returns its URL."""
    servers = []

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    def start(directory):
        handler = functools.partial(Quiet, directory=directory)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def git(house):
    """Return a function that runs git in the project's copy, which is a repository."""

    def run(*arguments):
        identity = ["-c", "user.name=n", "-c", "user.email=e@example.org", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=house, check=True, capture_output=True)

    run("init", "--quiet")
    run("add", "openapi")
    run("commit", "--quiet", "-m", "first")
    run("tag", "v1")
    return run
