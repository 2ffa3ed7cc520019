"""A specification in the layout in which Adobe publishes it."""

import functools
import http.server
import threading

import pytest

from generator import __main__ as command, bundle
from generator.overlay import without_prose
from tests import upstream


@pytest.fixture
def repository(published, tmp_path):
    """Return the folder of a specification in Adobe's layout."""
    upstream.write_repository(published, tmp_path / "repository")
    return tmp_path / "repository"


@pytest.fixture
def moved(repository):
    """Return the URL of the root document, which redirects to a folder elsewhere on the server."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def do_GET(self):
            if not self.path.startswith("/moved/"):
                self.send_response(302)
                self.send_header("Location", f"/moved{self.path}" if "?" in self.path else f"{self.path}?to=moved")
                self.end_headers()
                return
            self.path = self.path.removeprefix("/moved")
            super().do_GET()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=repository)) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/delivery/api.yaml"
        server.shutdown()


def meaning(document):
    """Return a document without words, and without what Adobe leaves out."""

    def plain(value):
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, dict):
            # A description needs an allOf around a $ref in OpenAPI 3.0.
            if value.keys() == {"allOf"} and len(value["allOf"]) == 1:
                return value["allOf"][0]
            return {key: plain(item) for key, item in value.items() if key != "variables"}
        return value

    return {**plain(without_prose(bundle.flatten(document))), "openapi": "3.0"}


def test_from_a_folder(repository, published):
    document = bundle.bundle(str(repository))

    bundle.validate(document, "repository")
    assert meaning(document) == meaning(published)
    assert document["info"]["description"] == upstream.MARKDOWN
    assert list(document["components"]["schemas"]) == sorted(published["components"]["schemas"])
    assert bundle.dump(document) == bundle.dump(bundle.bundle(str(repository / "delivery" / "api.yaml")))


def test_behind_a_redirect(repository, moved):
    assert bundle.bundle(moved) == bundle.bundle(str(repository))


def test_a_part_of_a_document_at_a_url(moved, house, capsys):
    assert command.main(["--spec", f"{moved}#/paths"], root=house) == 2
    assert "names a part of a document" in capsys.readouterr().err


def test_descriptions_beside_a_reference_are_used(repository):
    flat = bundle.flatten(bundle.bundle(str(repository)))["components"]["schemas"]

    beside = [value for schema in flat.values() for value in schema.get("properties", {}).values() if "allOf" in value]

    assert len(beside) >= upstream.BESIDE
    assert all(value.keys() == {"description", "allOf"} for value in beside)
