"""What an operation of the API that changes something consists of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlmodel import Session

from nps_connect.ledger.audit_log import Actor
from nps_connect.records.api_results import ApiCaller, ApiProblem, ApiResult
from nps_connect.services.context import Context


class PreparedWrite(NamedTuple):
    """A request that can be carried out.

    Attributes:
        caller: who makes it.
        prepared: what `WriteHandler.prepare` returned.
    """

    caller: ApiCaller
    prepared: Any

    @property
    def actor(self) -> Actor:
        """The caller for the audit log."""
        return Actor("api", self.caller.name)


@dataclass(frozen=True)
class WriteHandler:
    """How requests of one kind are carried out.

    Attributes:
        prepare: checks a request against the configuration and asks vendors, outside the transaction; raises
            `ApiProblem`.
        store: carries a batch out in one transaction; returns one result or problem per request, in order. It adds
            queues with new work to the set. A request that yields a problem has changed nothing.
    """

    prepare: Callable[[Context, Any], Any]
    store: Callable[[Context, Session, Sequence[PreparedWrite], set[str]], Sequence[ApiResult | ApiProblem]]
