"""`Sandbox`: what a test or the command line starts."""

import ipaddress
import re
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

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
from target_delivery.sandbox.validation import is_organization_id

if TYPE_CHECKING:
    from target_delivery.options import AsyncClientOptions, ClientOptions, DecisioningMethodName

_REQUESTS_KEPT = 1000


class Sandbox:
    """The Delivery API on loopback.

    A context manager; `start` and `stop` do the same by hand. Several can run side by side. The ledger and
    the received requests stay readable after the stop and go on when it is started again.

    Args:
        artifact: rule artifact to decide with and to serve, or the JSON file that has it; by default a small
            one for demos, see `demo_artifact`.
        host: address to listen on.
        port: TCP port to listen on; 0 takes any free one.
        client: client code, which answers name, artifacts are served for, and decides who sees what.
        organization_id: Experience Cloud organization id for `client_options`.
        cluster: edge cluster that new visitors get, 0 to 99999.
        secret: signs event tokens, states and visitor ids. By default a new one, so that only this sandbox
            knows its tokens; give one to have them outlive it.
        decider: chooses the rules that answer a request; by default as the engine of on-device decisioning does.
        geo: where IP addresses are, for rules that ask: place by address, and by ``*`` that of all others (default:
            Bern). A place has some of countryCode, stateCode, city, latitude, longitude.
        allow_remote: allow a host that other machines can reach. There is no authentication.
        fault_seed: makes faults of a probability strike in another sequence.
        on_exchange: called on the sandbox's thread with each request and what became of it.

    Raises:
        ValueError: an argument is malformed, the artifact is none, or the host is not loopback.
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
        fault_seed: int = 0,
        on_exchange: Callable[[Exchange], None] | None = None,
    ) -> None:
        if not allow_remote and not _is_loopback(host):
            raise ValueError(
                f"host {host!r} is not a loopback address, so other machines could reach the sandbox; "
                "pass allow_remote=True (--allow-remote on the command line) if they shall"
            )
        if not 0 <= port <= 65535:
            raise ValueError(f"port {port} is not in 0 to 65535")
        if not 0 <= cluster <= 99999:
            raise ValueError(f"cluster {cluster} is not in 0 to 99999")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,128}", client):
            raise ValueError(f"client {client!r} is not 1 to 128 letters, digits, '-' or '_'")
        if not is_organization_id(organization_id):
            raise ValueError(f"organization_id {organization_id!r} is not of the form 1234567890@AdobeOrg")
        self.ledger: Ledger = Ledger()
        """What was counted."""
        self.faults: Faults = Faults(fault_seed, self._update)
        """What goes wrong. Faults stay in wait while the sandbox is stopped."""
        self._server: Server | None = None
        self._host = host
        self._port = port
        self._client = client
        self._organization_id = organization_id
        self._requests: deque[ReceivedRequest] = deque(maxlen=_REQUESTS_KEPT)
        self._cdn_requests: deque[ReceivedRequest] = deque(maxlen=_REQUESTS_KEPT)
        if secret is None:
            secret = secrets.token_bytes(32)
        geo_table = GeoTable(geo or {})
        self._api = DeliveryApi(
            Artifact.load(demo_artifact() if artifact is None else artifact),
            decider or EngineDecider(client),
            Tokens(secret.encode() if isinstance(secret, str) else secret),
            self.ledger,
            geo_table,
            client=client,
            cluster=cluster,
        )
        self._app = make_app(
            self._api,
            geo_table,
            client,
            self.ledger,
            self.faults,
            self._receive,
            on_exchange or (lambda exchange: None),
        )

    def start(self) -> Self:
        """Listen; return when requests are answered.

        Raises:
            OSError: the address cannot be listened on, for example because the port is taken.
            RuntimeError: the sandbox is running already.
        """
        if self._server is not None:
            raise RuntimeError(f"the sandbox is running already at {self.url}")
        self._server = Server(self._app, self._host, self._port, lambda: self.faults.port_closed)
        return self

    def stop(self) -> None:
        """Stop at once, cutting open connections. Does nothing when the sandbox is not running."""
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
        """Where the sandbox is, such as ``http://127.0.0.1:8080``. Raises as `server_domain`."""
        return f"http://{self.server_domain}"

    def client_options(self, decisioning_method: "DecisioningMethodName | None" = None) -> "ClientOptions":
        """Return options for `TargetClient.create` that point a client here.

        Args:
            decisioning_method: given, the client gets it, and its artifact and geo look-ups from here as well.

        Raises:
            RuntimeError: as `server_domain`.
        """
        options: ClientOptions = {
            "client": self._client,
            "organization_id": self._organization_id,
            "server_domain": self.server_domain,
            "secure": False,
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
        }
        if decisioning_method is not None:
            options["decisioning_method"] = decisioning_method
            options["cdn_base_path"] = self.url
        return options

    def set_artifact(self, artifact: Mapping[str, Any] | Path) -> None:
        """Decide with another artifact, and serve it, from now on.

        A client gets it with its next download. What it reports of the former one is still counted.

        Raises:
            ValueError: it is no artifact; the former one stays.
            OSError: its file cannot be read.
        """
        self._api.use(Artifact.load(artifact))

    @property
    def requests(self) -> list[ReceivedRequest]:
        """Delivery requests received, whether valid or not, oldest first, at most the last 1000."""
        return list(self._requests)

    @property
    def cdn_requests(self) -> list[ReceivedRequest]:
        """Requests for the artifact and geo look-ups received, oldest first, at most the last 1000."""
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
