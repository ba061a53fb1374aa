"""A campaign: everybody in a file becomes an event, once, and is decided on by the rules of the walk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.tables import EventRow
from nps_connect.records.events import Event
from nps_connect.services.context import Context, decide_queue
from nps_connect.services.imports.people import ImportedPerson, erased_fingerprints
from nps_connect.services.intake.replay import replay
from nps_connect.services.intake.store_events import store_events
from nps_connect.services.invitations.campaigns import CAMPAIGN_EVENT_KIND, CAMPAIGN_PREFIX

MAX_CAMPAIGN_NAME_LENGTH = 60
EVENT_BACKDATE = timedelta(minutes=1)
MAX_CAMPAIGN_DAYS = 366
"""A campaign that would take longer is a slip of the pen."""


@dataclass(frozen=True)
class Campaign:
    """Who is asked what, and how fast.

    Attributes:
        name: two imports of one campaign never ask a person twice.
        survey: which one.
        connection: which knows the people.
        looks_up: the connection is asked for them; else the file is believed.
        per_day: how many surveys are due on one day at most.
        shadow: it is only rehearsed, so that going live begins anew.
        at: when it began.
    """

    name: str
    survey: str
    connection: str
    lookup_enabled: bool
    per_day: int
    shadow: bool
    at: datetime

    def key(self, person: ImportedPerson) -> str:
        """The key of the fact that somebody stood in a file of this campaign."""
        return f"{CAMPAIGN_PREFIX}{self.name}:{self.survey}:{person.fingerprint}" + (":shadow" if self.shadow else "")

    def event(self, person: ImportedPerson) -> Event:
        """The event of one person."""
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
        """How many days so many people take."""
        return math.ceil(people / self.per_day)


def plan_campaign(ctx: Context, *, name: str, survey: str, connection: str, per_day: int | None) -> Campaign:
    """A campaign as the configuration allows it.

    Args:
        ctx: the joined parts.
        name: of the campaign.
        survey: which one.
        connection: which knows the people.
        per_day: surveys a day, ``limits.surveys_per_day`` at most; none = half of that, so that triggers keep room.
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
    """The keys of those who stood in a file of this campaign before."""
    keys = [campaign.key(person) for person in people]
    ours = col(EventRow.connection) == campaign.connection
    query = select(col(EventRow.key)).where(ours, in_list(col(EventRow.key), "keys"))
    return set(session.execute(query, {"keys": keys}).scalars())


def add_to_campaign(ctx: Context, campaign: Campaign, people: Sequence[ImportedPerson]) -> int:
    """Take people into a campaign, in one transaction; returns how many were not in it before."""
    with ctx.ledger.write() as session:
        erased = erased_fingerprints(session, people)
        events = [campaign.event(person) for person in people if person.fingerprint not in erased]
        new = store_events(ctx, session, campaign.connection, events, source="manual")
        ours = col(EventRow.connection) == campaign.connection
        query = select(col(EventRow.id)).where(ours, in_list(col(EventRow.key), "keys"))
        ids = [one or 0 for one in session.execute(query, {"keys": list(new)}).scalars()]
        replay(session, EventRow, ids, ctx.clock())  # no configured trigger listens, so that they wait for nothing yet
    ctx.wake(decide_queue(campaign.connection))
    return len(new)
