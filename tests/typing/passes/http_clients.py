"""HTTP clients of the caller's own: proxies, certificates, instrumentation, transports for tests."""

import ssl
from types import TracebackType
from typing import Self

import httpx
import httpx2

from target_delivery import AsyncTargetClient, ClientOptions, DeliveryRequest, TargetClient


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"status": 200, "client": "acmeclient"})


class Traced(httpx.Client):
    """A subclass is accepted."""


class Traced2(httpx2.Client):
    """A subclass of a client of httpx2 is accepted."""


certificates = ssl.create_default_context()
with httpx.Client(proxy="http://proxy.example:3128", verify=certificates) as http_client:
    client = TargetClient.create(
        {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": http_client}
    )
    client.get_offers({"request": DeliveryRequest()})

options: ClientOptions = {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}
options["http_client"] = Traced(transport=httpx.MockTransport(answer))
client = TargetClient.create(options)

options["http_client"] = httpx2.Client()
options["http_client"] = Traced2(timeout=1)
with httpx2.Client(verify=certificates) as http_client2:
    client = TargetClient.create(
        {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": http_client2}
    )


async def main() -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer), http2=True) as http_client:
        client = AsyncTargetClient.create(
            {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": http_client}
        )
        await client.get_offers({"request": DeliveryRequest()})
    async with httpx2.AsyncClient() as http_client2:
        client = AsyncTargetClient.create(
            {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": http_client2}
        )


class Shop:
    """Keeps a client of its own."""

    def __init__(self, transport: httpx.BaseTransport | None = None) -> None:
        self.http = httpx.Client(transport=transport)
        self.target = TargetClient.create(
            {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": self.http}
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.target.close()
        self.http.close()
