"""The actions `write_opt_out` and `erase_contact`: what vendors are told about opt-outs and erasures."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import update
from sqlmodel import Session, col

from nps_connect.ledger.tables import AttemptRow, DeliveryRow
from nps_connect.records.deliveries import ContactErasure, OptOut
from nps_connect.services.action_spec import (
    AbandonedDelivery,
    ActionHandler,
    NotAttempted,
    PreparationBatch,
    SettledDelivery,
)
from nps_connect.services.contacts.store import build_contact
from nps_connect.services.context import Context
from nps_connect.services.deliveries.preparation import stored_contact
from nps_connect.services.suppressions.vendor_erasure import CONTACT_IDS, EMAILS
from nps_connect.settings.model import Settings


def _build_opt_out(batch: PreparationBatch, row: DeliveryRow) -> OptOut:
    return OptOut(idempotency_key=row.key, contact=build_contact(stored_contact(batch, row)), at=row.created_at)


WRITE_OPT_OUT_HANDLER = ActionHandler(build=_build_opt_out)


def _build_erasure(_batch: PreparationBatch, row: DeliveryRow) -> ContactErasure | NotAttempted:
    if not row.options:
        return NotAttempted.skipped("whom to erase was removed with the end of this delivery; erase the person again")
    return ContactErasure(
        idempotency_key=row.key,
        contact_ids=tuple(row.options[CONTACT_IDS]),
        emails=tuple(row.options[EMAILS]),
    )


def _forget_erased(_ctx: Context, session: Session, settled: Sequence[SettledDelivery], _now: datetime) -> set[str]:
    _empty_deliveries(session, [delivery.row.id or 0 for delivery in settled])
    return set()


def _forget_abandoned(
    session: Session, abandoned: Sequence[AbandonedDelivery], _settings: Settings, _now: datetime
) -> set[str]:
    """Empty what is cancelled or skipped; a dead erasure can be retried."""
    _empty_deliveries(session, [delivery.row.id or 0 for delivery in abandoned if delivery.state != "dead"])
    return set()


def _empty_deliveries(session: Session, delivery_ids: Sequence[int]) -> None:
    """Remove whom these deliveries have erased, also from the exchanges of their attempts."""
    no_sync = {"synchronize_session": False}
    deliveries = update(DeliveryRow).where(col(DeliveryRow.id).in_(delivery_ids)).values(options={})
    attempts = update(AttemptRow).where(col(AttemptRow.delivery_id).in_(delivery_ids))
    session.execute(deliveries, execution_options=no_sync)
    session.execute(attempts.values(message=None, exchange=None), execution_options=no_sync)


ERASE_CONTACT_HANDLER = ActionHandler(
    build=_build_erasure,
    on_success=_forget_erased,
    release=_forget_abandoned,
)
