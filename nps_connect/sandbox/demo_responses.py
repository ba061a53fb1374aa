"""Rows of the demo's history from the response on: revisions and review invitations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from nps_connect.ledger import review_requests
from nps_connect.ledger.review_report import REVIEW_LINK_EVENTS, ReviewLinkStateRow, ReviewTallyRow
from nps_connect.ledger.subjects import contact_subjects, mailbox_hash
from nps_connect.ledger.tables import (
    ResponseRow,
    RevisionRow,
)
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.responses import segment_of
from nps_connect.sandbox.demo_comments import CAUSE_QUESTION, CAUSES, OTHER_CAUSE_TEXT
from nps_connect.sandbox.demo_purchases import DemoPurchase
from nps_connect.sandbox.demo_rows import DemoHistory, answered_at, delivery_of
from nps_connect.services.deliveries.factory import enqueue_deliveries

REVIEW_DELAY = timedelta(hours=2)
REVIEW_COOLDOWN = timedelta(days=365)


def insert_responses(history: DemoHistory, answers: Sequence[DemoPurchase]) -> None:
    """Store responses and their revisions."""
    numbers = {history.public_id("response", purchase): purchase.number for purchase in answers}
    rows = [_response(history, purchase) for purchase in answers]
    stored = history.insert(ResponseRow, rows, "public_id", "id")
    history.responses.update({numbers[public_id]: row_id for public_id, row_id in stored})
    pairs = zip(answers, rows, strict=True)
    revisions = [_revisions(history.responses[purchase.number], purchase, row) for purchase, row in pairs]
    history.insert(RevisionRow, [revision for few in revisions for revision in few])


def _response(history: DemoHistory, purchase: DemoPurchase) -> dict[str, Any]:
    is_confirmed = purchase.outcome != "provisional"
    language, cause = purchase.language, purchase.cause if is_confirmed else None
    chosen = CAUSES.get(cause, OTHER_CAUSE_TEXT)[language] if cause else None
    follow_up = {"name": "cause", "question": CAUSE_QUESTION[language], "answer": chosen}
    return {
        "public_id": history.public_id("response", purchase),
        "invitation_id": history.invitations[purchase.number],
        "contact_id": history.contacts[purchase.email],
        "survey": history.names.survey,
        "touchpoint": history.names.touchpoint,
        "scale": NPS_SCALE,
        "revision": (1 if purchase.first_score is None else 2) if is_confirmed else 0,
        "score": purchase.score if is_confirmed else None,
        "comment": purchase.comment if is_confirmed else None,
        "language": language,
        "do_not_contact": purchase.asks_no_contact and is_confirmed,
        "follow_up": [follow_up] if chosen else [],
        "answered_at": answered_at(purchase) if is_confirmed else None,
        "provisional_score": purchase.score if purchase.collected_by == "web" else None,
        "provisional_at": answered_at(purchase) if purchase.collected_by == "web" else None,
        "collected_by": purchase.collected_by,
    }


def _revisions(response_id: int, purchase: DemoPurchase, response: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the confirmed revisions of a response; the earlier one of two has another score and no comment."""
    revisions: list[dict[str, Any]] = []
    for number in range(1, response["revision"] + 1):
        is_newest = number == response["revision"]
        revisions.append(
            {
                "response_id": response_id,
                "revision": number,
                "score": response["score"] if is_newest else purchase.first_score,
                "comment": response["comment"] if is_newest else None,
                "language": response["language"],
                "do_not_contact": response["do_not_contact"],
                "follow_up": response["follow_up"] if is_newest else [],
                "is_final": is_newest,
                "at": response["answered_at"] - (timedelta(0) if is_newest else timedelta(minutes=2)),
            }
        )
    return revisions


def insert_review_invitations(history: DemoHistory, answers: Sequence[DemoPurchase]) -> None:
    """Store that each person was invited to review, and opened the link or not."""
    platform, contacts = history.names.reviews, history.contacts
    if platform is None:
        return
    newest = {purchase.email: purchase for purchase in answers}
    invited = [item for item in newest.values() if answered_at(item) + REVIEW_DELAY <= history.now]
    deliveries, states, reservations = [], [], []
    for purchase in invited:
        response_id, at = history.responses[purchase.number], answered_at(purchase)
        deliveries.append(delivery_of(history, purchase, platform, "invite_review", at + REVIEW_DELAY))
        segment = segment_of(purchase.score or 0)
        events: dict[str, bool] = {
            **dict.fromkeys(REVIEW_LINK_EVENTS, False),
            "shown": True,
            "sent": True,
            "opened": purchase.number % {"promoter": 3, "passive": 6, "detractor": 11}[segment] == 0,
        }
        key = {"platform": platform, "segment": segment, "contact_id": contacts[purchase.email]}
        states.append({"response_id": response_id, **key, **events})
        reservations += review_requests.build_reservations(
            contact_subjects(contacts[purchase.email], mailbox_hash(purchase.email)),
            platform,
            response_id=response_id,
            until=at + REVIEW_COOLDOWN,
        )
    history.insert(ReviewLinkStateRow, states)
    tallies = [{name: value for name, value in state.items() if name != "response_id"} for state in states]
    history.insert(ReviewTallyRow, tallies)
    review_requests.record_sent(history.session, reservations)
    enqueue_deliveries(history.session, deliveries, history.now)
