"""First presses: answers that nobody has confirmed before, of several surveys at once.

Nothing can have followed from such an answer yet, so nothing has to be read and compared: what it leads to is written
by a few statements of constant text for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from nps_connect.ledger.tables import ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.contacts import Contact
from nps_connect.records.pages import PageView, Submission
from nps_connect.services.contacts.response_records import ConfirmedResponse, ResponseColumns, build_response
from nps_connect.services.context import Context
from nps_connect.services.responses.follow_up_answers import merge_follow_up_answers
from nps_connect.services.responses.invitation_state import LockedInvitation
from nps_connect.services.responses.page_views import new_response_columns
from nps_connect.services.reviews.first_invitations import FirstResponse
from nps_connect.services.routing.route import RoutingBatch, route_first_response

InvitationSubmission = tuple[LockedInvitation, PageView, Submission]

_SUBMITTED_COLUMNS = ("revision", "score", "comment", "language", "do_not_contact", "follow_up", "answered_at")


def record_first_submissions(
    ctx: Context, session: Session, pressed: Sequence[InvitationSubmission], batch: RoutingBatch
) -> None:
    """Confirm answers, in the transaction that holds their surveys' locks; what they lead to goes to the batch."""
    given = [_response_columns(ctx, *one) for one in pressed]
    columns = ("id", "public_id", "invitation_id")
    written = insert_many(session, ResponseRow, given, on_conflict=_confirm_on_conflict, returning=columns)
    ids = {invitation_id: (row_id, public_id) for row_id, public_id, invitation_id in written}
    revisions = []
    for (survey, _visit, press), values in zip(pressed, given, strict=True):
        row_id, public_id = ids[survey.invitation.id]
        told = {name: values[name] for name in ConfirmedResponse._fields[2:]}
        answer = ConfirmedResponse(id=row_id, public_id=public_id, **told)
        revisions.append(revision_columns(answer, sent=press.is_final))
        mailbox, response = survey.invitation.mailbox, build_response(answer)
        first = FirstResponse(answer, response, parse_contact_record(survey), mailbox, survey.merged, survey.asked, ())
        route_first_response(ctx, batch, first, sent=press.is_final)
    insert_many(session, RevisionRow, revisions)


def _response_columns(ctx: Context, survey: LockedInvitation, visit: PageView, press: Submission) -> dict[str, Any]:
    """The columns of an answer in its first revision."""
    standing = survey.invitation
    return {
        **new_response_columns(ctx, standing),
        "revision": 1,
        "score": press.score,
        "comment": press.comment or None,
        "language": press.language,
        "do_not_contact": press.do_not_contact,
        "follow_up": merge_follow_up_answers(ctx, standing.survey, press.score, press.follow_up, []),
        "answered_at": visit.at,
    }


def _confirm_on_conflict(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """An answer that was provisional so far keeps its ids."""
    return statement.on_conflict_do_update(
        index_elements=["invitation_id"], set_={name: getattr(statement.excluded, name) for name in _SUBMITTED_COLUMNS}
    )


def revision_columns(answer: ResponseColumns, *, sent: bool) -> dict[str, Any]:
    """The columns of an answer's newest revision."""
    return {
        "response_id": answer.id,
        "revision": answer.revision,
        "score": answer.score,
        "comment": answer.comment,
        "language": answer.language,
        "do_not_contact": answer.do_not_contact,
        "follow_up": answer.follow_up,
        "is_final": sent,
        "at": answer.answered_at,
    }


def parse_contact_record(survey: LockedInvitation) -> Contact:
    """The record of the person whose survey it is.

    Raises:
        ValueError: what is stored is damaged.
    """
    if survey.record == "{}":
        return Contact(connection=survey.connection, id=survey.vendor_id)
    return Contact.model_validate_json(survey.record)
