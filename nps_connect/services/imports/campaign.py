"""Campaigns: each person of a file becomes one event, decided by the same rules as every other event."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.columns import decide_queue
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event
from nps_connect.services.contacts.known_contacts import load_known_contacts, merge_known_contact
from nps_connect.services.context import Context
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints
from nps_connect.services.intake.replay import replay
from nps_connect.services.intake.store_events import IntakeSource, store_events
from nps_connect.services.invitations.campaigns import CAMPAIGN_EVENT_KIND, CAMPAIGN_PREFIX

MAX_CAMPAIGN_NAME_LENGTH = 60
EVENT_BACKDATE = timedelta(minutes=1)
"""Events of a campaign are dated so long before its start, plus their line number in microseconds."""

MAX_CAMPAIGN_DAYS = 366
"""A campaign that would take longer is refused as a mistake."""


@dataclass(frozen=True)
class Campaign:
    """Which survey the people of a file get, and how fast.

    Attributes:
        name: people are surveyed once per campaign name, whatever the number of imports.
        survey: name of the survey.
        connection: connection that knows the people.
        lookup_enabled: people are looked up at the connection; otherwise the file is the source.
        per_day: maximum number of surveys due on one day.
        shadow: created in shadow mode; going live starts the campaign anew.
        at: when it was started.
    """

    name: str
    survey: str
    connection: str
    lookup_enabled: bool
    per_day: int
    shadow: bool
    at: datetime

    def key(self, person: ImportedPerson) -> str:
        """Key of the event of one person."""
        return f"{CAMPAIGN_PREFIX}{self.name}:{self.survey}:{person.fingerprint}" + (":shadow" if self.shadow else "")

    def event(self, person: ImportedPerson) -> Event:
        """Build the event of one person."""
        return Event(
            key=self.key(person),
            kind=CAMPAIGN_EVENT_KIND,
            object_id=self.name,
            occurred_at=self.at - EVENT_BACKDATE + timedelta(microseconds=person.line),  # in the order of the file
            contact_key=person.key if self.lookup_enabled else None,
            contacts=() if self.lookup_enabled else (person.as_contact(self.connection),),
            fields={"survey": self.survey, "campaign": self.name, "per_day": self.per_day, "line": person.line},
        )

    def days(self, people: int) -> int:
        """Number of days that so many people take."""
        return math.ceil(people / self.per_day)


def plan_campaign(ctx: Context, *, name: str, survey: str, connection: str, per_day: int | None) -> Campaign:
    """Build a campaign within the limits of the configuration.

    Args:
        ctx: the joined parts.
        name: of the campaign.
        survey: name of the survey.
        connection: connection that knows the people.
        per_day: surveys per day, at most ``limits.surveys_per_day``; None means half of that, which leaves room for
            triggers.
    """
    cap = ctx.settings.limits.surveys_per_day
    return Campaign(
        name=name,
        survey=survey,
        connection=connection,
        lookup_enabled=ctx.has(connection, "nps_find_contacts"),
        per_day=min(per_day or max(1, cap // 2), cap),
        shadow=ctx.shadow,
        at=ctx.clock(),
    )


def load_existing_keys(session: Session, campaign: Campaign, people: Sequence[ImportedPerson]) -> set[str]:
    """Event keys of the people who are in this campaign already."""
    return {key for key, _ in _load_events(session, campaign, [campaign.key(person) for person in people])}


def add_to_campaign(ctx: Context, campaign: Campaign, people: Sequence[ImportedPerson]) -> int:
    """Add people to a campaign in one transaction; return how many are new in it."""
    with ctx.ledger.write() as session:
        new_keys = store_campaign_events(ctx, session, campaign, people)
    ctx.wake(decide_queue(campaign.connection))
    return len(new_keys)


def store_campaign_events(
    ctx: Context,
    session: Session,
    campaign: Campaign,
    people: Sequence[ImportedPerson],
    *,
    source: IntakeSource = "manual",
) -> set[str]:
    """Store the events of people who are not in a campaign yet, to be decided; return their keys."""
    erased = erased_fingerprints(ctx, session, people)
    events = [campaign.event(person) for person in people if person.fingerprint not in erased]
    if not campaign.lookup_enabled:
        stored_contacts = load_known_contacts(
            session, [(campaign.connection, event.contacts[0].id) for event in events]
        )
        events = [
            event.copy_unvalidated(contacts=(merge_known_contact(event.contacts[0], stored_contacts),))
            for event in events
        ]
    new_keys = store_events(ctx, session, campaign.connection, events, source=source).new
    ids = [event_id for _, event_id in _load_events(session, campaign, list(new_keys))]
    replay(session, EventRow, ids, ctx.clock())  # no configured trigger listens to them, so they are not pending
    return new_keys


def _load_events(session: Session, campaign: Campaign, keys: Sequence[str]) -> list[tuple[str, int]]:
    """Key and id of the stored events with these keys."""
    is_of_connection = col(EventRow.connection) == campaign.connection
    query = select(col(EventRow.key), col(EventRow.id)).where(is_of_connection, in_list(col(EventRow.key), "keys"))
    return [(key, event_id or 0) for key, event_id in session.execute(query, {"keys": keys}).all()]
