"""From a delivery to the worded message that a channel carries."""

from __future__ import annotations

from urllib.parse import urlsplit

from nps_connect.flows.context import Context
from nps_connect.flows.links import ReviewLink, UnsubscribeLink
from nps_connect.flows.review import destination
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.records.messages import Address, Message
from nps_connect.records.responses import AnsweredContact
from nps_connect.wording import mails, staff
from nps_connect.wording.languages import choose


def survey(ctx: Context, row: DeliveryRow, invitation: InvitationRow, contact: ContactRow) -> Message:
    """The survey mail, in the person's language as known now."""
    core = ctx.settings.core
    definition = ctx.settings.surveys.get(invitation.survey)
    language = choose([contact.language, invitation.language], core.languages)
    unsubscribe = _unsubscribe(ctx, contact)
    worded = mails.survey_mail(
        language=language,
        sender=_sender(ctx),
        name=contact.name,
        touchpoint=invitation.touchpoint,
        question=definition.question.get(language) if definition else None,
        survey_url=ctx.links.address("s", ctx.links.survey(invitation.id or 0)),
        unsubscribe_url=unsubscribe,
        expires_at=invitation.expires_at.astimezone(core.zone),
    )
    return _message(ctx, row, "survey", contact, worded, unsubscribe, invitation.survey)


def review(ctx: Context, row: DeliveryRow, answered: AnsweredContact, contact: ContactRow) -> Message | None:
    """The mail after an answer, with the personal link to the review page; none if there is no page."""
    platform = row.options["platform"]
    page = destination(ctx, platform, answered.contact, answered.response)
    if page is None:
        return None
    unsubscribe = _unsubscribe(ctx, contact)
    token = ctx.links.review(ReviewLink(row.response_id or 0, platform, "mail"))
    worded = mails.review_mail(
        language=choose([answered.response.language, contact.language], ctx.settings.core.languages),
        sender=_sender(ctx),
        name=contact.name,
        lead=row.options["lead"],
        platform=page.title,
        review_url=ctx.links.address("r", token),
        unsubscribe_url=unsubscribe,
    )
    return _message(ctx, row, "review_invitation", contact, worded, unsubscribe, answered.response.survey)


def fallback(ctx: Context, row: DeliveryRow, answered: AnsweredContact) -> Message:
    """The mail of last resort to the mandatory fallback address."""
    core = ctx.settings.core
    worded = staff.fallback(
        language=core.language, company=core.company, answered=answered, problem=row.options["problem"]
    )
    return Message(
        idempotency_key=row.key,
        kind="fallback",
        to=Address(email=core.fallback_email),
        subject=worded.subject,
        text=worded.text,
        html=worded.html,
        language=worded.language,
    )


def _message(
    ctx: Context,
    row: DeliveryRow,
    kind: str,
    contact: ContactRow,
    worded: mails.Wording,
    unsubscribe_url: str,
    survey_name: str,
) -> Message:
    host = urlsplit(ctx.settings.core.url).hostname or "localhost"
    return Message.model_validate(
        {
            "idempotency_key": row.key,
            "kind": kind,
            "to": Address(email=contact.email or "", name=contact.name),
            "subject": worded.subject,
            "text": worded.text,
            "html": worded.html,
            "language": worded.language,
            "unsubscribe_url": unsubscribe_url,
            "list_id": f"{survey_name}.surveys.{host}",
        }
    )


def _unsubscribe(ctx: Context, contact: ContactRow) -> str:
    link = UnsubscribeLink(contact.id or 0, contact.mailbox or mailbox_hash(contact.email or ""))
    return ctx.links.address("u", ctx.links.unsubscribe(link))


def _sender(ctx: Context) -> mails.Sender:
    core = ctx.settings.core
    return mails.Sender(
        company=core.company,
        help_address=core.help_address,
        privacy_notice_url=str(core.privacy_notice_url),
        postal_address=core.postal_address,
    )
