"""The action `write_opt_out`: report an unsubscribe to the CRM."""

from __future__ import annotations

from nps_connect.ledger.tables import DeliveryRow
from nps_connect.records.deliveries import OptOut
from nps_connect.rules.retry_plan import parse_retry_plan
from nps_connect.services.action_spec import ActionSpec, PreparationBatch
from nps_connect.services.contacts.store import build_contact
from nps_connect.services.deliveries.preparation import stored_contact


def _build_opt_out(batch: PreparationBatch, row: DeliveryRow) -> OptOut:
    return OptOut(idempotency_key=row.key, contact=build_contact(stored_contact(batch, row)), at=row.created_at)


WRITE_OPT_OUT = ActionSpec(
    action="write_opt_out",
    hook="nps_write_opt_outs",
    build=_build_opt_out,
    retry_plan=parse_retry_plan("15s 1m 5m 15m 1h 4h 12h 1d 1d 1d 1d 1d", total="7d"),
    priority=8,
    is_ordered=True,
)
ACTIONS = (WRITE_OPT_OUT,)
