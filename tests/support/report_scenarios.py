"""Responses of many groups and days, stored as an import stores them, with a plain list of what they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from support.application import ApplicationHarness

from nps_connect.records.contacts import Contact
from nps_connect.services.contacts.contact_batch import upsert_contacts
from nps_connect.services.imports.match_contacts import ImportTarget
from nps_connect.services.imports.people import ImportedPerson
from nps_connect.services.imports.response_rows import ImportedResponse
from nps_connect.services.imports.store_responses import insert_responses

GROUPED: dict[str, Any] = {
    "core": {"dimensions": {"location": "shop", "owner": "advisor"}},
    "surveys": {"after-purchase": {"channel": "mail"}, "yearly": {"channel": "mail"}},
    "teams": {
        "lyon": {"where": 'location == "Lyon"', "members": ["a@example.com", "b@example.com", "c@example.com"]},
        "south": {"where": 'location in ["Lyon", "Nice"] and touchpoint == "delivery"', "owners": ["ana"]},
    },
}
"""Configuration with two dimensions and two teams that overlap."""


@dataclass(frozen=True)
class GivenResponse:
    """A response to store."""

    at: datetime
    score: int
    survey: str = "after-purchase"
    touchpoint: str = "delivery"
    language: str = "fr"
    collected_by: str = "web"
    comment: str | None = None
    location: str | None = None
    owner: str | None = None

    @property
    def teams(self) -> set[str]:
        """The teams of `GROUPED`, computed by hand."""
        teams = {"lyon"} if self.location == "Lyon" else set()
        is_south = self.location in ("Lyon", "Nice") and self.touchpoint == "delivery"
        return teams | ({"south"} if is_south or self.owner == "ana" else set())


def store_given(application: ApplicationHarness, responses: Sequence[GivenResponse]) -> None:
    """Store responses, each of a contact of its own whose fields hold the shop and the advisor."""
    ctx = application.ctx
    with ctx.ledger.write() as session:
        contacts = [
            Contact(connection="crm", id=f"c-{index}", fields={"shop": given.location, "advisor": given.owner})
            for index, given in enumerate(responses)
        ]
        stored = upsert_contacts(session, contacts, ctx.clock())
        for survey in {given.survey for given in responses}:
            rows = [
                (_imported(index, given), stored["crm", f"c-{index}"])
                for index, given in enumerate(responses)
                if given.survey == survey
            ]
            insert_responses(ctx, session, ImportTarget(survey, "crm", lookup_enabled=False), rows, Counter())


def _imported(index: int, given: GivenResponse) -> ImportedResponse:
    return ImportedResponse(
        public_id=f"e-{index:032x}",
        person=ImportedPerson(index, None, None, None, given.language),
        score=given.score,
        comment=given.comment,
        answered_at=given.at,
        zoneless=False,
        touchpoint=given.touchpoint,
        collected_by=given.collected_by,
    )
