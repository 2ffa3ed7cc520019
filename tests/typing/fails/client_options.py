"""Options of a client that are wrong."""

import httpx
import httpx2

from target_delivery import AsyncClientOptions, AsyncTargetClient, ClientOptions, Event, TargetClient
from target_delivery.outbox import AsyncNotificationOutbox, MemoryStore, NotificationOutbox

client = TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
async_client = AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"})
outbox = NotificationOutbox(client, store=MemoryStore())
async_outbox = AsyncNotificationOutbox(async_client, store=MemoryStore())


def needs_two(event: Event, more: int) -> None: ...


class Session:
    """Such as a Session of requests."""

    headers: dict[str, str]

    def send(self, request: object, **options: object) -> object: ...


class AsyncSession:
    """Such as a ClientSession of aiohttp."""

    headers: dict[str, str]

    async def send(self, request: object, **options: object) -> object: ...


class NoLogger:
    def debug(self, msg: str) -> None: ...


# Misspelt, and missing.
# error: mypy[typeddict-item] mypy[typeddict-unknown-key] pyright[reportArgumentType]: "organisation_id"
TargetClient.create({"client": "acmeclient", "organisation_id": "1234567890@AdobeOrg"})
# error: mypy[typeddict-unknown-key] pyright[reportArgumentType]: "time_out"
TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "time_out": 800})
# error: mypy[typeddict-item] pyright[reportArgumentType]: "client" is required
TargetClient.create({"organization_id": "1234567890@AdobeOrg"})
# error: mypy[typeddict-item] pyright[reportArgumentType]: "organization_id" is required
TargetClient.create({"client": "acmeclient"})
TargetClient.create({})  # error: mypy[typeddict-item] pyright[reportArgumentType]: "organization_id" is required
TargetClient.create()  # error: mypy[call-arg] pyright[reportCallIssue]: "options"
# error: mypy[typeddict-item] pyright[reportArgumentType]: "organization_id" is required
AsyncTargetClient.create({"client": "acmeclient"})
# error: mypy[typeddict-unknown-key] pyright[reportArgumentType]: "retires"
AsyncTargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "retires": 1})

# Options are one dict.
# error: mypy[call-arg] pyright[reportCallIssue]: "organization_id"
TargetClient.create(client="acmeclient", organization_id="1234567890@AdobeOrg")

# Values of a wrong type.
# error: mypy[typeddict-item] pyright[reportArgumentType]: "None" is not assignable to "str"
TargetClient.create({"client": "acmeclient", "organization_id": None})
# error: mypy[typeddict-item] pyright[reportArgumentType]: "timeout"
TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "timeout": "800"})
# error: mypy[typeddict-item] pyright[reportArgumentType]: "timeout"
TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "timeout": 0.8})
# error: mypy[typeddict-item] pyright[reportArgumentType]: "secure"
TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "secure": "no"})
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: Literal['ondevice']
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "decisioning_method": "ondevice"}
)
# error: mypy[typeddict-item] pyright[reportArgumentType]: "error" is not present
TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "logger": NoLogger()})

# Events that do not exist, and handlers that cannot be called.
# error: mypy[typeddict-item] pyright[reportArgumentType]: "events"
TargetClient.create({"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "events": {"ready": print}})
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "events"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "events": {"client_ready": needs_two}}
)

# The other kind of HTTP client.
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "http_client"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": httpx.AsyncClient()}
)
AsyncTargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "http_client"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": httpx.Client()}
)

TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "http_client"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": httpx2.AsyncClient()}
)
AsyncTargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "http_client"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": httpx2.Client()}
)

# What is no HTTP client.
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "http_client"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": Session()}
)
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "http_client"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": httpx.Client}
)
AsyncTargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "http_client"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "http_client": AsyncSession()}
)

# The other kind of outbox, and what is no outbox.
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "outbox"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "outbox": async_outbox}
)
AsyncTargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "outbox"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "outbox": outbox}
)
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "outbox"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "outbox": NotificationOutbox}
)
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "outbox"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "outbox": MemoryStore()}
)
TargetClient.create(
    # error: mypy[typeddict-item] pyright[reportArgumentType]: "outbox"
    {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg", "outbox": client}
)

# Step by step.
# error: mypy[typeddict-item] pyright[reportAssignmentType]: "organization_id" is required
options: ClientOptions = {"client": "acmeclient"}
options = {"client": "acmeclient", "organization_id": "1234567890@AdobeOrg"}
options["time_out"] = 800  # error: mypy[typeddict-unknown-key] pyright[reportGeneralTypeIssues]: "time_out"
# error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]: "http_client"
options["http_client"] = httpx.AsyncClient()
options["outbox"] = async_outbox  # error: mypy[typeddict-item] pyright[reportGeneralTypeIssues]: "outbox"
TargetClient.create(options["client"])  # error: mypy[arg-type] pyright[reportArgumentType]

async_options: AsyncClientOptions = options  # error: mypy[assignment] pyright[reportAssignmentType]: "http_client"
AsyncTargetClient.create(options)  # error: mypy[arg-type] pyright[reportArgumentType]: "http_client"
