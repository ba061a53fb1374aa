"""What one claim of a queue holds, and what of it was started."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import Payload
from nps_connect.services.action_spec import ActionSpec
from nps_connect.services.context import Context


class StartedDelivery(NamedTuple):
    """A delivery that was started, with what its hook receives."""

    row: DeliveryRow
    item: Payload
    started_at: datetime


@dataclass(frozen=True)
class Claim:
    """One claim of a queue: its rows are held under the token.

    Attributes:
        ctx: the application context.
        connection: the connection that is called.
        spec: the action.
        token: of the lease.
        is_probe: the one call that goes first while the circuit breaker is open.
        starts_at_handover: the plugin says when a message is handed over; until then it has surely not been sent.
    """

    ctx: Context
    connection: str
    spec: ActionSpec
    token: str
    is_probe: bool = False
    starts_at_handover: bool = False
