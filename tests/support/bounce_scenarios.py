"""What is stored of bounces and suppressions, for tests."""

from __future__ import annotations

from sqlalchemy import select

from nps_connect.ledger.suppressions import BounceRow, SuppressionRow


def load_suppressions(application) -> list[tuple[str, str]]:
    with application.ledger.read() as session:
        rows = session.execute(select(SuppressionRow).order_by(SuppressionRow.id)).scalars()
        return sorted((row.subject[:1], row.reason) for row in rows)


def load_bounces(application) -> list[tuple[str, str, str | None]]:
    with application.ledger.read() as session:
        rows = session.execute(select(BounceRow).order_by(BounceRow.id)).scalars()
        return [(row.kind, row.source, row.status) for row in rows]


def survey_message_id(application) -> str:
    return application.deliveries("send_survey")[0].receipt_id
