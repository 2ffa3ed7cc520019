from collections.abc import Iterator

import httpx
import pytest

from target_delivery.sandbox import Sandbox
from tests.integration.sandbox.exchanges import Post, connect, poster


@pytest.fixture
def edge() -> Iterator[Sandbox]:
    with Sandbox() as edge:
        yield edge


@pytest.fixture
def client(edge: Sandbox) -> Iterator[httpx.Client]:
    with connect(edge) as client:
        yield client


@pytest.fixture
def post(client: httpx.Client) -> Post:
    """Return a function that posts a request given by its parts, and adds a context and the query parameters."""
    return poster(client)
