"""In-memory vendors as plugins: they record their calls and raise the exceptions that a test sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from nps_connect import (
    ActionInfo,
    ConnectionSettings,
    ConnectorInfo,
    Contact,
    ContactMatch,
    Event,
    EventKind,
    EventPage,
    ExampleConfiguration,
    Receipt,
    ReviewDestination,
    ReviewPolicy,
    WebhookRejected,
    fact_key,
    hookimpl,
)

EXAMPLE_CONFIGURATION = ExampleConfiguration(connection="example", table="")


class FakeVendor:
    """The base of all fake vendors.

    Attributes:
        raising: what the next calls raise, in order; None for success.
        calls: the items of each call.
    """

    def __init__(self) -> None:
        self.raising: list[Exception | None] = []
        self.calls: list[list[object]] = []

    def _record_call(self, items: Sequence[object]) -> list[Receipt]:
        self.calls.append(list(items))
        error = self.raising.pop(0) if self.raising else None
        if error is not None:
            raise error
        ids = [f"{type(self).__name__}-{len(self.calls)}-{index}" for index in range(len(items))]
        return [Receipt(id=receipt_id, link=f"https://vendor.example.com/{receipt_id}") for receipt_id in ids]

    @property
    def items(self) -> list[object]:
        return [item for call in self.calls for item in call]


class FakeCrm(FakeVendor):
    """A CRM with contacts, deals by webhook or polling, scores and opt-outs.

    Attributes:
        people: the contacts by id.
        pages: what the next polls return or raise; empty pages after that.
        looking: what the next contact lookups raise.
        looked: the number of contact lookups.
        asked_for: the keys of all lookups.
        opt_outs: the opt-outs that were written.
        erasures: the people that were erased.
        refusing_erasures: what the next erasures raise.
    """

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Contact] = {}
        self.pages: list[EventPage | Exception] = []
        self.looking: list[Exception] = []
        self.looked = 0
        self.asked_for: list[object] = []
        self.opt_outs: list[object] = []
        self.erasures: list[object] = []
        self.refusing_erasures: list[Exception] = []

    def knows(self, contact_id: str, email: str | None = None, **fields: object) -> Contact:
        contact = Contact(connection="crm", id=contact_id, email=email, **fields)
        self.people[contact_id] = contact
        return contact

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="acme",
            title="Acme",
            settings=ConnectionSettings,
            actions=(
                ActionInfo(action="write_score", batch_size=100),
                ActionInfo(action="write_opt_out"),
                ActionInfo(action="erase_contact"),
            ),
            events=(
                EventKind(name="deal.won", description="A deal is won.", fields={"amount": "number", "city": "text"}),
                EventKind(name="contact.deleted", description="A contact is deleted."),
                EventKind(name="contact.privacy_deleted", description="A contact is erased."),
            ),
            webhooks=True,
            polling=True,
            example=EXAMPLE_CONFIGURATION,
        )

    @hookimpl
    def nps_verify_webhook(self, connection, request):
        if request.headers.get("x-signature") != "good":
            raise WebhookRejected("signature")

    @hookimpl
    def nps_parse_events(self, connection, request):
        body = json.loads(request.body)
        if not isinstance(body, list):
            raise WebhookRejected("unreadable", "not a list")
        return [self.event(fact) for fact in body]

    @staticmethod
    def event(fact: dict) -> Event:
        kind = fact.get("kind", "deal.won")
        at = fact["at"]
        return Event.model_validate(
            {
                "key": fact_key(kind, fact["id"], datetime.fromisoformat(at)),
                "kind": kind,
                "object_id": fact["id"],
                "occurred_at": at,
                "contact_key": {"kind": "id", "value": fact["person"]} if "person" in fact else None,
                "fields": {key: fact[key] for key in ("amount", "city") if key in fact},
            }
        )

    @hookimpl
    def nps_poll_events(self, connection, cursor):
        page = self.pages.pop(0) if self.pages else EventPage(cursor=cursor or "start")
        if isinstance(page, Exception):
            raise page
        return page

    @hookimpl
    def nps_find_contacts(self, connection, keys):
        self.looked += 1
        self.asked_for += keys
        if self.looking:
            raise self.looking.pop(0)
        return [
            ContactMatch(
                key=key,
                contacts=tuple(
                    person
                    for person in self.people.values()
                    if (key.kind == "id" and (person.id == key.value or key.value in person.merged_ids))
                    or (key.kind == "email" and person.email == key.value)
                ),
            )
            for key in keys
        ]

    @hookimpl
    def nps_write_scores(self, connection, updates):
        return self._record_call(updates)

    @hookimpl
    def nps_write_opt_outs(self, connection, opt_outs):
        self.opt_outs += opt_outs
        return [Receipt(id="opt-out") for _ in opt_outs]

    @hookimpl
    def nps_erase_contacts(self, connection, erasures):
        self.erasures += erasures
        if self.refusing_erasures:
            raise self.refusing_erasures.pop(0)
        return [Receipt(id="erased", note="fields emptied") for _ in erasures]

    @property
    def scores(self) -> dict[str, int]:
        return {update.contact.id: update.response.score for update in self.items}


class FakeHelpdesk(FakeVendor):
    """A helpdesk that fails the test if a case gets a second ticket.

    Attributes:
        tickets: the ticket drafts by external id.
        updates: the ticket updates.
        lose_answers: how many of the next calls create tickets and then raise `OutcomeUnknown`.
        looked_for: the number of lookups of existing tickets.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tickets: dict[str, object] = {}
        self.updates: list[object] = []
        self.lose_answers = 0
        self.looked_for = 0

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="desk",
            title="Desk",
            settings=ConnectionSettings,
            actions=(
                ActionInfo(action="open_ticket"),
                ActionInfo(action="update_ticket"),
            ),
            example=EXAMPLE_CONFIGURATION,
        )

    @hookimpl
    def nps_open_tickets(self, connection, drafts):
        from nps_connect import OutcomeUnknown

        receipts = self._record_call(drafts)
        for draft in drafts:
            assert draft.external_id not in self.tickets, "a second ticket for one case"
            self.tickets[draft.external_id] = draft
        if self.lose_answers:
            self.lose_answers -= 1
            raise OutcomeUnknown("the response was lost")
        return receipts

    @hookimpl
    def nps_update_tickets(self, connection, updates):
        self.updates += updates
        return [Receipt(id=update.ticket_id) for update in updates]

    @hookimpl
    def nps_find_existing(self, connection, delivery):
        self.looked_for += 1
        return Receipt(id="found") if getattr(delivery.payload, "external_id", None) in self.tickets else None


class FakeMailChannel(FakeVendor):
    """A mail channel.

    Attributes:
        bounces: the bounces that every bounce message contains.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bounces: list[object] = []

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="post",
            title="Post",
            settings=ConnectionSettings,
            actions=(
                ActionInfo(action="send_survey"),
                ActionInfo(action="send_reminder"),
                ActionInfo(action="invite_review"),
            ),
            channel=True,
            example=EXAMPLE_CONFIGURATION,
        )

    @hookimpl
    def nps_send_messages(self, connection, messages):
        return self._record_call(messages)

    @hookimpl
    def nps_read_bounces(self, connection, message):
        return self.bounces

    def sent(self, kind: str) -> list:
        return [message for message in self.items if message.kind == kind]


class FakeAlertChannel(FakeVendor):
    """A channel for alerts to staff."""

    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="bell",
            title="Bell",
            settings=ConnectionSettings,
            actions=(ActionInfo(action="send_alert"),),
            example=EXAMPLE_CONFIGURATION,
        )

    @hookimpl
    def nps_send_alerts(self, connection, alerts):
        return self._record_call(alerts)


class FakeReviewPlatform(FakeVendor):
    """A review platform with one page."""

    @hookimpl
    def nps_connector(self):
        policy = ReviewPolicy(rule="ask-everyone", reason="Ask everyone.", source="https://stars.example.com/policy")
        return ConnectorInfo(
            name="stars",
            title="Stars",
            settings=ConnectionSettings,
            actions=(ActionInfo(action="invite_review"),),
            review_policy=lambda _settings: policy,
            example=EXAMPLE_CONFIGURATION,
        )

    @hookimpl
    def nps_review_destination(self, connection, invitation):
        return ReviewDestination(url="https://stars.example.com/write", title="Stars")
