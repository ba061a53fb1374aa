"""A helpdesk with ticket events, and the steps of recovery scenarios."""

from __future__ import annotations

import json
import re

from sqlalchemy import select
from support.fake_vendors import FakeHelpdesk
from support.webhooks import accept_webhook

from nps_connect import (
    Event,
    EventKind,
    Veto,
    WebhookRequest,
    fact_key,
    hookimpl,
)
from nps_connect.ledger.cases import CaseRow
from nps_connect.ledger.tables import DecisionRow

TICKET_EVENTS = ("ticket.solved", "ticket.reopened", "ticket.closed")


class EventfulHelpdesk(FakeHelpdesk):
    """A helpdesk that reports ticket events by webhook and vetoes surveys about tickets."""

    vetoing: str | None = None

    @hookimpl
    def nps_connector(self):
        events = tuple(
            EventKind(name=name, description="A ticket changes.", open_fields=True) for name in TICKET_EVENTS
        )
        return super().nps_connector().model_copy(update={"events": events, "webhooks": True})

    @hookimpl
    def nps_verify_webhook(self, connection, request):
        pass

    @hookimpl
    def nps_parse_events(self, connection, request):
        return [Event.model_validate(fact) for fact in json.loads(request.body)]

    @hookimpl
    def nps_veto_survey(self, event, contact, survey):
        if event.kind.startswith("ticket."):
            return Veto(reason="our own ticket")
        return Veto(reason=self.vetoing) if self.vetoing else None


RECOVERY_CONFIG = {
    "connections": {"helpdesk": {"plugin": "desk", "events": "webhook"}},
    "recovery": {"survey": "after-recovery", "delay": "3d"},
    "surveys": {"after-recovery": {"channel": "mail"}},
    "limits": {"quiet_hours": "off", "quiet_days": []},
}


def send_ticket_event(application, kind, ticket="EventfulHelpdesk-1-0", *, at=None, **fields):
    occurred_at = at or application.clock()
    fact = {
        "key": fact_key(kind, ticket, occurred_at),
        "kind": kind,
        "object_id": ticket,
        "occurred_at": occurred_at.isoformat(),
        "fields": fields,
    }
    request = WebhookRequest(
        method="POST",
        url="https://nps.example.com/hooks/helpdesk",
        headers={},
        body=json.dumps([fact]).encode(),
        received_at=application.clock(),
    )
    accept_webhook(application.backend, "helpdesk", request)
    application.run()


def case_of(application) -> CaseRow:
    with application.ledger.read() as session:
        return session.execute(select(CaseRow).order_by(CaseRow.id)).scalars().one()


def recovery_decisions(application):
    with application.ledger.read() as session:
        decisions = (
            session.execute(select(DecisionRow).where(DecisionRow.trigger.like("%case.solved%"))).scalars().all()
        )
        return [(decision.verdict, decision.reason) for decision in decisions]


def create_detractor_case(application, score=2, **fields):
    """Submit a detractor response and return the case of its ticket."""
    application.answer(application.surveyed(**fields), score, "Personne ne répond")
    application.run()
    return case_of(application)


def send_recovery_survey(application):
    """Solve the ticket, wait for the recovery survey and return its token."""
    application.clock.forward("2h")
    send_ticket_event(application, "ticket.solved")
    application.clock.forward("3d")
    application.run()
    mail = application.post.sent("survey")[-1]
    assert mail.list_id.startswith("after-recovery.")
    return re.search(r"/s/([\w.-]+)", mail.text)[1]
