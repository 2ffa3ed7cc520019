"""Give the chaos tests the fixtures of the integration tests."""

from tests.integration.conftest import wire_kind
from tests.integration.outbox.conftest import edge, kind, make, open_redis, redis, redis_client, redis_server

__all__ = ["edge", "kind", "make", "open_redis", "redis", "redis_client", "redis_server", "wire_kind"]
