"""Submissions: scores that people sent become responses, with their revisions and deliveries, a batch at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import null
from sqlmodel import Session, col

from nps_connect.ledger.daily_figures import CountedResponse, Figure, add_to_figures, response_figures
from nps_connect.ledger.tables import DeliveryRow, ResponseRow, RevisionRow
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.actions import CancelCode, HoldCode
from nps_connect.records.base import NPS_SCALE
from nps_connect.records.pages import PageView, Submission
from nps_connect.records.responses import FollowUpAnswer, segment_of
from nps_connect.rendering.catalogs import choose_language
from nps_connect.rules.dimensions import Group
from nps_connect.sanitization import one_line
from nps_connect.services.cases.cases import record_recovery
from nps_connect.services.contacts.store import ConfirmedResponse, RoutableResponse, build_response
from nps_connect.services.context import Context
from nps_connect.services.deliveries.cancel import cancel_deliveries, restore_cancelled
from nps_connect.services.responses.dimensions import record_dimensions
from nps_connect.services.responses.invitation_state import LockedInvitation, response_id
from nps_connect.services.responses.page_views import PageViewLog
from nps_connect.services.routing.route import load_planned_deliveries, route_responses
from nps_connect.services.webhooks.enqueue import enqueue_response_webhooks
from nps_connect.settings.surveys import FollowUp

MAX_ANSWER_LENGTH = 1000
MAX_REVISIONS = 50
"""Of a response. Nobody changes their mind more often; further submissions leave the response as it is."""

COLLECTED_BY_PAGE = "web"
"""How responses on the survey page are collected: the default of the column."""

_CONTENT_COLUMNS = ("revision", "score", "comment", "language", "do_not_contact", "follow_up", "answered_at")


class ReceivedSubmission(NamedTuple):
    """A submission and the locked invitation that it answers."""

    invitation: LockedInvitation
    page_view: PageView
    submission: Submission


class _StoredSubmission(NamedTuple):
    """A submission with its response as stored now; `is_new`: it made a revision."""

    received: ReceivedSubmission
    response: ConfirmedResponse
    is_confirmed: bool
    is_new: bool


def record_submissions(
    ctx: Context, session: Session, log: PageViewLog, received: Sequence[ReceivedSubmission], queues: set[str]
) -> dict[int, bool]:
    """Record submissions in the transaction that holds the locks of their invitations, one of each invitation.

    Args:
        ctx: the context.
        session: the transaction.
        log: of page views; the submissions are recorded in it too.
        received: the submissions.
        queues: queues with new work are added.

    Returns:
        By the id of the invitation, for those that accept submissions: whether the response is confirmed now.
    """
    accepted: list[tuple[ReceivedSubmission, bool]] = []
    repeated: list[int | None] = []
    for invitation, page_view, submission in received:
        signals = log.record(invitation.state.id, page_view, submission.score)
        if invitation.state.is_open(page_view.at):
            is_confirmed = "contradiction" not in signals
            accepted.append((ReceivedSubmission(invitation, page_view, submission), is_confirmed))
            if invitation.state.revision:
                repeated.append(invitation.state.response_id)
    stored = _store_responses(ctx, session, accepted)
    planned = load_planned_deliveries(session, repeated) if repeated else {}
    routable: list[RoutableResponse] = []
    confirmed: dict[int, bool] = {}
    reminded, with_case = [], []
    for entry in stored:
        invitation_id = entry.response.invitation_id
        confirmed[invitation_id] = entry.is_confirmed
        if not _apply_conflict(session, entry, planned, queues):
            continue
        invitation = entry.received.invitation
        routable.append(
            RoutableResponse(
                columns=entry.response,
                response=build_response(entry.response),
                contact=invitation.state.contact(),
                mailbox=invitation.state.mailbox,
                has_merged_contacts=invitation.has_merged_contacts,
                has_review_request=invitation.has_review_request,
                is_final=entry.received.submission.is_final,
                may_repeat=invitation.state.restored_at is not None,
            )
        )
        if invitation_id in log.reminded:
            reminded.append(invitation_id)
        if invitation.has_case:
            with_case.append(entry.response)
    if reminded:
        reminders = col(DeliveryRow.action) == "send_reminder", col(DeliveryRow.invitation_id).in_(reminded)
        cancel_deliveries(ctx, session, CancelCode.ANSWERED, *reminders)
    queues |= route_responses(ctx, session, routable, planned)
    for response in with_case:
        queues |= record_recovery(ctx, session, response)
    queues |= enqueue_response_webhooks(ctx, session, routable) if ctx.webhook_subscribers.by_type else set()
    _count_responses(ctx, session, stored)
    return confirmed


def _count_responses(ctx: Context, session: Session, stored: Sequence[_StoredSubmission]) -> None:
    """Count the responses in the figures of their day; one that changed moves there from its former figures."""
    new_ids: list[int] = []
    repeated_ids: list[int] = []
    for entry in stored:
        (repeated_ids if entry.received.invitation.state.revision else new_ids).append(entry.response.id)
    groups = record_dimensions(ctx.dimensions, session, new_ids=new_ids, repeated_ids=repeated_ids)
    changes = Counter[Figure]()
    for entry in stored:
        state = entry.received.invitation.state
        for counted, change in (
            (state.response() if state.is_confirmed else None, -1),
            (entry.response if entry.is_confirmed else None, 1),
        ):
            if counted is not None:
                for figure in response_figures(ctx.settings.core.zone, _as_counted(counted, groups)):
                    changes[figure] += change
    add_to_figures(session, changes)


def _as_counted(response: ConfirmedResponse, groups: Mapping[int, Sequence[Group]]) -> CountedResponse:
    columns = response.answered_at, response.survey, response.touchpoint, response.language
    return CountedResponse(*columns, COLLECTED_BY_PAGE, response.score, groups=groups.get(response.id, ()))


def _store_responses(
    ctx: Context, session: Session, accepted: Sequence[tuple[ReceivedSubmission, bool]]
) -> list[_StoredSubmission]:
    """Write the responses that change, and a revision for each change of content."""
    stored: list[_StoredSubmission] = []
    rows: list[dict[str, Any]] = []
    for received, is_confirmed in accepted:
        state = received.invitation.state
        content = _merge_content(ctx, received)
        response = state.response(**content)
        stored.append(_StoredSubmission(received, response, is_confirmed, bool(content)))
        conflicting_at = None if is_confirmed else received.page_view.at
        if content or conflicting_at != state.conflicting_at:
            rows.append({**response._asdict(), "scale": NPS_SCALE, "conflicting_at": conflicting_at})
            del rows[-1]["id"]
    columns = ("invitation_id", "id", "public_id")
    ids: dict[int, tuple[int, str]] = {}
    for row in insert_many(session, ResponseRow, rows, on_conflict=_on_conflict, returning=columns):
        ids[row[0]] = row[1], row[2]
    revisions = []
    for index, entry in enumerate(stored):
        if not entry.is_new:
            continue
        # A page view of the same batch may have stored a provisional response under another public id.
        response_id, public_id = ids[entry.response.invitation_id]
        response = entry.response._replace(id=response_id, public_id=public_id)
        stored[index] = entry._replace(response=response)
        content = {name: getattr(response, name) for name in _CONTENT_COLUMNS}
        is_final, at = entry.received.submission.is_final, content.pop("answered_at")
        revisions.append({**content, "response_id": response_id, "is_final": is_final, "at": at})
    insert_many(session, RevisionRow, revisions)
    return stored


def _on_conflict(statement: Any) -> Any:  # noqa: ANN401  # two dialects' Insert
    """A response that exists keeps its ids; the themes of its comment are looked for again."""
    names = (*_CONTENT_COLUMNS, "conflicting_at")
    changes: dict[str, Any] = {name: getattr(statement.excluded, name) for name in names}
    return statement.on_conflict_do_update(index_elements=["invitation_id"], set_={**changes, "classified_by": null()})


def _merge_content(ctx: Context, received: ReceivedSubmission) -> dict[str, Any]:
    """Return the columns that a submission changes; empty if it repeats the stored content or is one too many."""
    state, submission = received.invitation.state, received.submission
    if (state.revision or 0) >= MAX_REVISIONS:
        return {}
    content = {
        "score": submission.score,
        "comment": submission.comment or state.comment,
        "do_not_contact": submission.do_not_contact,
        "follow_up": _merge_follow_up_answers(ctx, state.survey, submission, state.follow_up or []),
    }
    if (state.score, state.comment, state.do_not_contact, state.follow_up) == tuple(content.values()):
        return {}
    return {
        **content,
        "public_id": state.public_id or response_id(state.link_id),
        "revision": (state.revision or 0) + 1,
        "language": submission.language,
        "answered_at": received.page_view.at,
    }


def _merge_follow_up_answers(
    ctx: Context, survey: str, submission: Submission, stored: list[dict[str, str]]
) -> list[dict[str, str]]:
    """Return the answers to the questions for this segment; an empty answer keeps the stored one.

    Choices are stored in the company's language, so that they can be counted.
    """
    definition = ctx.settings.surveys.get(survey)
    if definition is None or not definition.follow_ups:
        return []
    merged, segment = [], segment_of(submission.score)
    stored_by_name = {answer["name"]: answer for answer in stored}
    for question in definition.follow_ups:
        if segment not in question.on:
            continue
        language = choose_language([ctx.settings.core.language], list(question.question))
        answer = _normalize_answer(question, submission.follow_up.get(question.name, ""), language)
        if answer:
            record = FollowUpAnswer(name=question.name, question=question.question[language], answer=answer)
            merged.append(record.model_dump())
        elif question.name in stored_by_name:
            merged.append(stored_by_name[question.name])
    return merged


def _normalize_answer(question: FollowUp, answer: str, language: str) -> str:
    """Return a free text on one line, or a choice in the given language; empty for an unknown choice."""
    if not question.choices:
        return one_line(answer, MAX_ANSWER_LENGTH)
    for choices in question.choices.values():
        if answer in choices:
            return question.choices[language][choices.index(answer)]
    return ""


def _apply_conflict(
    session: Session, entry: _StoredSubmission, planned: Mapping[int, Sequence[DeliveryRow]], queues: set[str]
) -> bool:
    """Hold the deliveries of a conflicting response, release those of a confirmed one.

    Returns whether the submission has to be routed.
    """
    state = entry.received.invitation.state
    deliveries = planned.get(entry.response.id, ())
    if not entry.is_confirmed:
        _hold_deliveries(session, state.id, deliveries)
        return False
    if state.conflicting_at is None:
        return entry.is_new or entry.received.submission.is_final
    for delivery in deliveries:
        if delivery.hold_code == HoldCode.CONFLICTING_SCORES and delivery.state == "held":
            delivery.state, delivery.hold_code = "pending", None
            queues.add(delivery.queue_name)
    return True


def _hold_deliveries(session: Session, invitation_id: int, deliveries: Iterable[DeliveryRow]) -> None:
    """Hold what has not been sent until the next submission; restore reminders, since perhaps nobody has answered."""
    for delivery in deliveries:
        if delivery.state == "pending" and not delivery.in_doubt:
            delivery.state, delivery.hold_code = "held", HoldCode.CONFLICTING_SCORES
    reminders = col(DeliveryRow.invitation_id) == invitation_id, col(DeliveryRow.action) == "send_reminder"
    restore_cancelled(session, CancelCode.ANSWERED, *reminders)
