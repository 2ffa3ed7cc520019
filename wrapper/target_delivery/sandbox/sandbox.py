"""`Sandbox`: an edge that a test or the command line starts."""

import ipaddress
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from target_delivery._core.chance import SYSTEM_CHANCE, Chance
from target_delivery._core.clock import SYSTEM_CLOCK, Clock
from target_delivery._core.limits import organization_refusal
from target_delivery.sandbox.app import make_app
from target_delivery.sandbox.artifact import Artifact, demo_artifact
from target_delivery.sandbox.decider import Decider, EngineDecider
from target_delivery.sandbox.delivery import DeliveryApi
from target_delivery.sandbox.faults import Faults
from target_delivery.sandbox.geo import GeoTable, Place
from target_delivery.sandbox.ledger import Ledger
from target_delivery.sandbox.requests import Exchange, ReceivedRequest
from target_delivery.sandbox.server import Server
from target_delivery.sandbox.tokens import Tokens

if TYPE_CHECKING:
    from target_delivery.options import AsyncClientOptions, ClientOptions, DecisioningMethodName

_REQUESTS_KEPT = 1000


class Sandbox:
    """The Delivery API on loopback.

    Use it in a with statement, or call `start` and `stop`. Several sandboxes can run side by side. The ledger and the
    received requests stay readable after the stop, and another start adds to them.

    Args:
        artifact: rule artifact to decide with and to serve, or the path of its JSON file; by default a small artifact
            for demos, see `demo_artifact`.
        host: address to listen on.
        port: TCP port to listen on; 0 takes any free one.
        client: client code. It is in the answers and in the artifact's URL, and is part of the hash that allocates
            visitors to experiences.
        organization_id: Experience Cloud organization id for `client_options`.
        cluster: edge cluster of new visitors, 0 to 99999.
        secret: signs event tokens, states and visitor ids. By default a random one; sandboxes with the same secret
            accept each other's tokens.
        decider: chooses the rules that answer a request; by default with the engine of on-device decisioning.
        geo: places by IP address, for rules that depend on the place. ``*`` stands for all other addresses (default:
            Bern). A place has some of countryCode, stateCode, city, latitude, longitude.
        allow_remote: allow a host that other machines can reach. There is no authentication.
        hosts: names, without a port, that requests may have in the header Host. Names and addresses of loopback always
            may; with ``allow_remote`` any IP address may, too.
        fault_seed: seed of the random choice of requests that faults with a probability hit.
        on_exchange: called in the sandbox's thread with each request and its answer.
        clock: tells the time that rules see, and measures how long an exchange takes.
        chance: makes request ids and the default secret.

    Raises:
        ValueError: an argument is malformed, the artifact is not a rule artifact, or the host is not loopback.
        OSError: the artifact's file cannot be read.
    """

    def __init__(
        self,
        artifact: Mapping[str, Any] | Path | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        client: str = "sandbox",
        organization_id: str = "SANDBOX@AdobeOrg",
        cluster: int = 35,
        secret: str | bytes | None = None,
        decider: Decider | None = None,
        geo: Mapping[str, Place] | None = None,
        allow_remote: bool = False,
        hosts: Sequence[str] = (),
        fault_seed: int = 0,
        on_exchange: Callable[[Exchange], None] | None = None,
        clock: Clock = SYSTEM_CLOCK,
        chance: Chance = SYSTEM_CHANCE,
    ) -> None:
        if not allow_remote and not _is_loopback(host):
            raise ValueError(
                f"host {host!r} is not a loopback address, so other machines could reach the sandbox; "
                "pass allow_remote=True (--allow-remote on the command line) to allow that"
            )
        if not 0 <= port <= 65535:
            raise ValueError(f"port {port} is not between 0 and 65535")
        if not 0 <= cluster <= 99999:
            raise ValueError(f"cluster {cluster} is not between 0 and 99999")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", client):
            raise ValueError(f"client {client!r} is not 1 to 128 letters, digits, '-' or '_'")
        if organization_refusal(organization_id) is not None:
            raise ValueError(f"organization_id {organization_id!r} is not of the form 1234567890@AdobeOrg")
        if isinstance(hosts, str) or any(re.search(r"[\s/:@]|^$", name) for name in hosts):
            raise ValueError(f"hosts {hosts!r} is not a list of host names without a port")
        self.ledger: Ledger = Ledger()
        """The counts."""
        self.faults: Faults = Faults(fault_seed, self._update)
        """The faults that hit requests. They stay when the sandbox is stopped."""
        self._server: Server | None = None
        self._host = host
        self._port = port
        self._client = client
        self._organization_id = organization_id
        self._requests: deque[ReceivedRequest] = deque(maxlen=_REQUESTS_KEPT)
        self._cdn_requests: deque[ReceivedRequest] = deque(maxlen=_REQUESTS_KEPT)
        if secret is None:
            secret = chance.random_bytes(32)
        geo_table = GeoTable(geo or {})
        self._api = DeliveryApi(
            Artifact.load(demo_artifact() if artifact is None else artifact),
            decider or EngineDecider(client, clock=clock),
            Tokens(secret.encode() if isinstance(secret, str) else secret),
            self.ledger,
            geo_table,
            client=client,
            cluster=cluster,
            clock=clock,
            chance=chance,
        )
        self._app = make_app(
            self._api,
            geo_table,
            client,
            self.ledger,
            self.faults,
            self._receive,
            on_exchange or (lambda exchange: None),
            clock,
            {host.lower(), *(name.lower() for name in hosts)},
            remote=allow_remote,
        )

    def start(self) -> Self:
        """Start to listen. Requests are answered when this returns.

        Raises:
            OSError: the address cannot be listened on, for example because the port is taken.
            RuntimeError: the sandbox is running already.
        """
        if self._server is not None:
            raise RuntimeError(f"the sandbox is running already at {self.url}")
        self._server = Server(self._app, self._host, self._port, lambda: self.faults.port_closed)
        return self

    def stop(self) -> None:
        """Stop at once and cut open connections. Does nothing when the sandbox is not running."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def server_domain(self) -> str:
        """Host and port for the client option server_domain, such as ``127.0.0.1:8080``.

        Raises:
            RuntimeError: the sandbox is not running.
        """
        if self._server is None:
            raise RuntimeError("the sandbox is not running: use it in a with statement, or call start() first")
        host, port = self._server.address
        address = ipaddress.ip_address(host)
        if address.is_unspecified:
            return f"127.0.0.1:{port}" if address.version == 4 else f"[::1]:{port}"
        return f"{host}:{port}" if address.version == 4 else f"[{host}]:{port}"

    @property
    def url(self) -> str:
        """URL of the sandbox, such as ``http://127.0.0.1:8080``.

        Raises:
            RuntimeError: the sandbox is not running.
        """
        return f"http://{self.server_domain}"

    def client_options(self, decisioning_method: "DecisioningMethodName | None" = None) -> "ClientOptions":
        """Return options for `TargetClient.create` that make a client call this sandbox.

        Args:
            decisioning_method: the client's decisioning method. With it, the client also gets the artifact and geo
                look-ups from this sandbox.

        Raises:
            RuntimeError: the sandbox is not running.
        """
        options: ClientOptions = {
            "client": self._client,
            "organization_id": self._organization_id,
            "server_domain": self.server_domain,
            "secure": False,
            "trust_env": False,  # A proxy cannot reach this machine's loopback interface.
        }
        if decisioning_method is not None:
            options["decisioning_method"] = decisioning_method
            options["cdn_base_path"] = self.url
        return options

    def async_client_options(self, decisioning_method: "DecisioningMethodName | None" = None) -> "AsyncClientOptions":
        """Return the same options with the type of `AsyncTargetClient.create`."""
        options: AsyncClientOptions = {
            "client": self._client,
            "organization_id": self._organization_id,
            "server_domain": self.server_domain,
            "secure": False,
            "trust_env": False,  # A proxy cannot reach this machine's loopback interface.
        }
        if decisioning_method is not None:
            options["decisioning_method"] = decisioning_method
            options["cdn_base_path"] = self.url
        return options

    def set_artifact(self, artifact: Mapping[str, Any] | Path) -> None:
        """Use another artifact from now on, to decide and to serve.

        A client gets it with its next download. Events of the earlier artifact are still counted.

        Raises:
            ValueError: it is not a rule artifact. The sandbox keeps the earlier one.
            OSError: the file cannot be read.
        """
        self._api.use(Artifact.load(artifact))

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The last 1000 delivery requests, valid or not, oldest first."""
        return list(self._requests)

    @property
    def cdn_requests(self) -> list[ReceivedRequest]:
        """The last 1000 artifact downloads and geo look-ups, oldest first."""
        return list(self._cdn_requests)

    def _receive(self, request: ReceivedRequest) -> None:
        (self._requests if request.is_delivery else self._cdn_requests).append(request)

    def _update(self) -> None:
        if self._server is not None:
            self._server.update()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
