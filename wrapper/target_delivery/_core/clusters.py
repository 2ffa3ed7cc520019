"""Which edge clusters exist, as far as the options and the edge have told."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clusters"]

MAX_CLUSTERS = 1000
"""How many edge clusters are remembered. Adobe has about ten."""


class Clusters:
    """The edge clusters that the edge has named in an answer, or that have answered themselves.

    A visitor's cookie can name any cluster, even one that does not exist.

    Args:
        given: the cluster that the client's options name.
        fixed: whether the client calls one host, whatever the cluster. All clusters are known then.
        known: tells whether somebody else knows a cluster: an outbox asks its client.
    """

    def __init__(self, given: str | None, *, fixed: bool, known: Callable[[str], bool] = lambda _: False) -> None:
        self._given = given
        self._fixed = fixed
        self._known = known
        # A dict as an ordered set: when it is full, the cluster that was learnt first is forgotten.
        self._learnt: dict[str, None] = {}

    def learn(self, cluster: str) -> bool:
        """Remember a cluster that an answer came from. Return whether this is the first such answer."""
        # Without `known`: a client has read the answer, and knows the cluster, before its outbox does.
        if self._fixed or not cluster or cluster == self._given or cluster in self._learnt:
            return False
        self._learnt[cluster] = None
        if len(self._learnt) > MAX_CLUSTERS:
            self._learnt.pop(next(iter(self._learnt)), None)
        return True

    def know(self, cluster: str | None) -> bool:
        """Whether calls to a cluster can be expected to be answered. None and "" stand for the client's own host."""
        return self._fixed or not cluster or cluster == self._given or cluster in self._learnt or self._known(cluster)
