"""A helpdesk that tells what becomes of its tickets, and what happens at it."""

from __future__ import annotations

import json
import re

from sqlalchemy import select
from support.vendors import Desk

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

KINDS = ("ticket.solved", "ticket.reopened", "ticket.closed")


class TellingDesk(Desk):
    """A helpdesk that tells what becomes of its tickets; it refuses surveys about tickets of ours."""

    vetoing: str | None = None

    @hookimpl
    def nps_connector(self):
        events = tuple(EventKind(name=name, description="A ticket changes.", open_fields=True) for name in KINDS)
        return super().nps_connector().model_copy(update={"events": events, "webhooks": True})

    @hookimpl
    def nps_verify_webhook(self, connection, request):
        pass

    @hookimpl
    def nps_parse_events(self, connection, request):
        return [Event.model_validate(one) for one in json.loads(request.body)]

    @hookimpl
    def nps_veto_survey(self, event, contact, survey):
        if event.kind.startswith("ticket."):
            return Veto(reason="our own ticket")
        return Veto(reason=self.vetoing) if self.vetoing else None


SETTINGS = {
    "connections": {"helpdesk": {"plugin": "desk", "events": "webhook"}},
    "recovery": {"survey": "after-recovery", "delay": "3d"},
    "surveys": {"after-recovery": {"channel": "mail"}},
    "limits": {"quiet_hours": "off", "quiet_days": []},
}


def tell(house, kind, ticket="TellingDesk-1-0", *, at=None, **fields):
    moment = at or house.clock()
    fact = {
        "key": fact_key(kind, ticket, moment),
        "kind": kind,
        "object_id": ticket,
        "occurred_at": moment.isoformat(),
        "fields": fields,
    }
    request = WebhookRequest(
        method="POST",
        url="https://nps.example.com/hooks/helpdesk",
        headers={},
        body=json.dumps([fact]).encode(),
        received_at=house.clock(),
    )
    house.doors.accept_webhook("helpdesk", request)
    house.run()


def case_of(house) -> CaseRow:
    with house.ledger.read() as session:
        return session.execute(select(CaseRow).order_by(CaseRow.id)).scalars().one()


def reason(house):
    with house.ledger.read() as session:
        found = session.execute(select(DecisionRow).where(DecisionRow.trigger.like("%case.solved%"))).scalars().all()
        return [(one.verdict, one.reason) for one in found]


def detractor(house, score=2, **more):
    """A detractor's ticket exists."""
    house.answer(house.surveyed(**more), score, "Personne ne répond")
    house.run()
    return case_of(house)


def followed_up(house):
    """The ticket was solved and the follow-up has gone out; gives its token."""
    house.clock.forward("2h")
    tell(house, "ticket.solved")
    house.clock.forward("3d")
    house.run()
    mail = house.post.sent("survey")[-1]
    assert mail.list_id.startswith("after-recovery.")
    return re.search(r"/s/([\w.-]+)", mail.text)[1]
