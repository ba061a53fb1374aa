"""First presses: answers that nobody has confirmed before, of several surveys at once.

Nothing can have followed from such an answer yet, so nothing has to be read and compared: what it leads to is written
by a few statements of constant text for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlmodel import Session

from nps_connect.flows.context import Context
from nps_connect.flows.responding.answers import Answer, AnswerColumns, as_response
from nps_connect.flows.responding.follow_ups import kept_answers
from nps_connect.flows.responding.openings import begun
from nps_connect.flows.responding.standings import Locked
from nps_connect.flows.reviewing.first import First
from nps_connect.flows.routing.route import Batch, route_first
from nps_connect.ledger.tables import ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.contacts import Contact
from nps_connect.records.pages import Press, VisitInfo

Pressed = tuple[Locked, VisitInfo, Press]

_GIVEN = ("revision", "score", "comment", "language", "do_not_contact", "follow_up", "answered_at")


def take_first(ctx: Context, session: Session, pressed: Sequence[Pressed], batch: Batch) -> None:
    """Confirm answers, in the transaction that holds their surveys' locks; what they lead to goes to the batch."""
    given = [_given(ctx, *one) for one in pressed]
    columns = ("id", "public_id", "invitation_id")
    written = insert_many(session, ResponseRow, given, clash=_confirmed, returning=columns)
    ids = {invitation_id: (row_id, public_id) for row_id, public_id, invitation_id in written}
    revisions = []
    for (survey, _visit, press), values in zip(pressed, given, strict=True):
        row_id, public_id = ids[survey.standing.id]
        told = {name: values[name] for name in Answer._fields[2:]}
        answer = Answer(id=row_id, public_id=public_id, **told)
        revisions.append(revision_of(answer, sent=press.sent))
        mailbox, response = survey.standing.mailbox, as_response(answer)
        first = First(answer, response, person(survey), mailbox, survey.merged, survey.asked, ())
        route_first(ctx, batch, first, sent=press.sent)
    insert_many(session, RevisionRow, revisions)


def _given(ctx: Context, survey: Locked, visit: VisitInfo, press: Press) -> dict[str, Any]:
    """The columns of an answer in its first revision."""
    standing = survey.standing
    return {
        **begun(ctx, standing),
        "revision": 1,
        "score": press.score,
        "comment": press.comment or None,
        "language": press.language,
        "do_not_contact": press.do_not_contact,
        "follow_up": kept_answers(ctx, standing.survey, press.score, press.follow_up, []),
        "answered_at": visit.at,
    }


def _confirmed(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """An answer that was provisional so far keeps its ids."""
    return statement.on_conflict_do_update(
        index_elements=["invitation_id"], set_={name: getattr(statement.excluded, name) for name in _GIVEN}
    )


def revision_of(answer: AnswerColumns, *, sent: bool) -> dict[str, Any]:
    """The columns of an answer's newest revision."""
    return {
        "response_id": answer.id,
        "revision": answer.revision,
        "score": answer.score,
        "comment": answer.comment,
        "language": answer.language,
        "do_not_contact": answer.do_not_contact,
        "follow_up": answer.follow_up,
        "sent": sent,
        "at": answer.answered_at,
    }


def person(survey: Locked) -> Contact:
    """The record of the person whose survey it is.

    Raises:
        ValueError: what is stored is damaged.
    """
    if survey.record == "{}":
        return Contact(connection=survey.connection, id=survey.vendor_id)
    return Contact.model_validate_json(survey.record)
