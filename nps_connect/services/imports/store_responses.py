"""Store responses from another tool like our own; they lead to no action by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from nps_connect.ledger import review_requests
from nps_connect.ledger.bulk_sql import in_list
from nps_connect.ledger.subjects import contact_subjects
from nps_connect.ledger.tables import InvitationRow, ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.base import NPS_SCALE
from nps_connect.rules.imports.row_errors import RowErrors
from nps_connect.services.contacts.contact_batch import StoredContact
from nps_connect.services.context import Context
from nps_connect.services.imports.match_contacts import (
    ImportTarget,
    invitation_columns,
    match_contacts,
    store_contacts,
)
from nps_connect.services.imports.response_rows import ImportedResponse
from nps_connect.services.imports.store_invitations import ImportedCooldown, extend_cooldowns
from nps_connect.services.responses.dimensions import count_new_responses

TOTALS = ("new", "already_imported", "unmatched", "comments_dropped", "in_cooldown")
"""Counted responses. Of the new ones, `unmatched` belong to people whom the connection does not know,
`comments_dropped` had a comment, notes or further answers older than their retention, and `in_cooldown` are so recent
that they start a cooldown."""

StoredResponse = tuple[ImportedResponse, StoredContact]


def store_responses(
    ctx: Context,
    target: ImportTarget,
    responses: Sequence[ImportedResponse],
    totals: Counter[str],
    errors: RowErrors,
) -> None:
    """Store a batch of responses in one transaction; stored ones are left unchanged.

    Raises:
        DeliveryError: the connection cannot look the people up.
    """
    with ctx.ledger.read() as session:
        existing_ids = load_existing_ids(session, responses)
    new_responses = [response for response in responses if response.public_id not in existing_ids]
    totals["already_imported"] += len(responses) - len(new_responses)
    people = match_contacts(ctx, target, [response.person for response in new_responses], errors)
    if not people:
        return
    with ctx.ledger.write() as session:
        contacts = store_contacts(ctx, session, people, errors)
        rows = [(response, contacts[response.person]) for response in new_responses if response.person in contacts]
        insert_responses(ctx, session, target, rows, totals)
    totals["new"] += len(rows)
    channel = ctx.settings.surveys[target.survey].channel
    if target.lookup_enabled:
        totals["unmatched"] += sum(people[response.person].connection == channel for response, _ in rows)


def preview_responses(ctx: Context, session: Session, responses: Sequence[ImportedResponse]) -> dict[str, int]:
    """Return how many of these responses are stored already, and how many of the others would lose their texts."""
    existing_ids = load_existing_ids(session, responses)
    oldest_kept_at = _oldest_kept_at(ctx)
    dropped = sum(_loses_texts(row, oldest_kept_at) for row in responses if row.public_id not in existing_ids)
    return {"already_imported": len(existing_ids), "comments_dropped": dropped}


def _oldest_kept_at(ctx: Context) -> datetime:
    return ctx.clock() - ctx.settings.retention.comments


def _loses_texts(response: ImportedResponse, oldest_kept_at: datetime) -> bool:
    """Whether a response has texts that are older than their retention."""
    has_texts = bool(response.comment or response.notes or response.follow_up)
    return has_texts and response.answered_at < oldest_kept_at


def load_existing_ids(session: Session, responses: Sequence[ImportedResponse]) -> set[str]:
    """Public ids of the responses that are stored already."""
    query = select(col(ResponseRow.public_id)).where(in_list(col(ResponseRow.public_id), "ids"))
    return set(session.execute(query, {"ids": [response.public_id for response in responses]}).scalars())


def insert_responses(
    ctx: Context, session: Session, target: ImportTarget, rows: Sequence[StoredResponse], totals: Counter[str]
) -> None:
    """Store responses with an invitation that was answered elsewhere, and start their cooldowns; count them."""
    invitations = [_invitation_values(ctx, target, response, contact) for response, contact in rows]
    inserted = insert_many(session, InvitationRow, invitations, returning=("id", "trigger"))
    invitation_ids = {trigger: invitation_id for invitation_id, trigger in inserted}
    oldest_kept_at = _oldest_kept_at(ctx)
    totals["comments_dropped"] += sum(_loses_texts(response, oldest_kept_at) for response, _ in rows)
    responses = []
    for (response, _), invitation in zip(rows, invitations, strict=True):
        invitation_id = invitation_ids[invitation["trigger"]]
        keeps_texts = not _loses_texts(response, oldest_kept_at)
        responses.append(_response_values(response, invitation, invitation_id, keeps_texts=keeps_texts))
    ids = dict(tuple(row) for row in insert_many(session, ResponseRow, responses, returning=("public_id", "id")))
    insert_many(session, RevisionRow, [_revision_values(values, ids[values["public_id"]]) for values in responses])
    _record_review_invitations(ctx, session, rows, ids)
    cooldown = ctx.settings.limits.cooldown
    totals["in_cooldown"] += extend_cooldowns(
        ctx,
        session,
        [
            ImportedCooldown(contact, values["invitation_id"], response.answered_at + cooldown)
            for (response, contact), values in zip(rows, responses, strict=True)
        ],
    )
    count_new_responses(ctx.dimensions, session, ctx.settings.core.zone, list(ids.values()))


def _invitation_values(
    ctx: Context, target: ImportTarget, response: ImportedResponse, contact: StoredContact
) -> dict[str, Any]:
    sent_at: datetime = min(response.sent_at or response.answered_at, response.answered_at)
    return invitation_columns(
        ctx,
        target,
        response.person,
        contact,
        key=response.public_id,
        sent_at=sent_at,
        touchpoint=response.touchpoint,
    )


def _response_values(
    response: ImportedResponse, invitation: Mapping[str, Any], invitation_id: int, *, keeps_texts: bool
) -> dict[str, Any]:
    return {
        "public_id": response.public_id,
        "invitation_id": invitation_id,
        "contact_id": invitation["contact_id"],
        "survey": invitation["survey"],
        "touchpoint": invitation["touchpoint"],
        "scale": NPS_SCALE,
        "revision": 1,
        "score": response.score,
        "comment": response.comment if keeps_texts else None,
        "language": invitation["language"],
        "do_not_contact": response.do_not_contact,
        "follow_up": response.follow_up if keeps_texts else [],
        "answered_at": response.answered_at,
        "collected_by": response.collected_by,
        "tags": response.tags or None,
        "notes": (response.notes or None) if keeps_texts else None,
    }


def _revision_values(response: Mapping[str, Any], response_id: int) -> dict[str, Any]:
    names = ("revision", "score", "comment", "language", "do_not_contact", "follow_up")
    copied = {name: response[name] for name in names}
    return {**copied, "response_id": response_id, "is_final": True, "at": response["answered_at"]}


def _record_review_invitations(
    ctx: Context, session: Session, rows: Sequence[StoredResponse], ids: Mapping[str, int]
) -> None:
    """Record the review invitations that the imported responses have led to, so that nobody is invited twice."""
    cooldown = ctx.settings.reviews.cooldown
    reservations = [
        reservation
        for response, contact in rows
        for platform in response.review_platforms
        for reservation in review_requests.build_reservations(
            contact_subjects(contact.id, contact.mailbox),
            platform,
            response_id=ids[response.public_id],
            until=response.answered_at + cooldown,
        )
    ]
    review_requests.record_sent(session, reservations)
