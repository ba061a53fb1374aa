"""From a delivery to the worded message that a channel carries."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, DeliveryRow, InvitationRow
from nps_connect.records.deliveries import ReviewDestination
from nps_connect.records.messages import Address, InlineImage, Message
from nps_connect.records.responses import ContactResponse
from nps_connect.rendering import mails, staff_texts
from nps_connect.rendering.languages import choose_language
from nps_connect.rendering.logo_size import display_size
from nps_connect.rendering.models import Logo, RenderedText
from nps_connect.rules.timing import last_valid_moment
from nps_connect.services.context import Context
from nps_connect.services.links import ReviewLink, UnsubscribeLink
from nps_connect.services.reviews.invitations import is_reminder
from nps_connect.services.suppressions.bounces import MAILBOX_OPTION
from nps_connect.settings.branding import media_type, read_logo

LOGO_CONTENT_ID = "logo"


def build_survey_message(ctx: Context, row: DeliveryRow, invitation: InvitationRow, contact: ContactRow) -> Message:
    """The survey mail, or a reminder of it, in the language that the trigger sets, else in the person's own of now."""
    core = ctx.settings.core
    definition = ctx.settings.surveys.get(invitation.survey)
    language = choose_language(
        [_trigger_language(ctx, invitation), contact.language, invitation.language], core.languages
    )
    invitation.language = language  # the page is shown in it too
    reminder = row.action == "send_reminder"
    unsubscribe = _unsubscribe_url(ctx, contact)
    worded = mails.render_survey_mail(
        language=language,
        sender=build_sender(ctx, definition.signature(language) if definition else None),
        name=contact.name,
        touchpoint=invitation.touchpoint,
        question=definition.question.get(language) if definition else None,
        survey_url=ctx.links.url("s", ctx.links.survey(invitation.id or 0)),
        unsubscribe_url=unsubscribe,
        expires_at=last_valid_moment(invitation.expires_at, core.zone),
        reminder=reminder,
        confirm=row.options.get("confirm"),
    )
    kind = "reminder" if reminder else "survey"
    return _build_message(ctx, row, kind, contact, worded, unsubscribe, invitation.survey)


def build_review_message(
    ctx: Context, row: DeliveryRow, answered: ContactResponse, contact: ContactRow, page: ReviewDestination
) -> Message:
    """The mail after an answer, or its reminder, with the personal link to the review page."""
    unsubscribe = _unsubscribe_url(ctx, contact)
    token = ctx.links.review(ReviewLink(row.response_id or 0, row.options["platform"], "mail"))
    worded = mails.render_review_mail(
        language=choose_language([answered.response.language, contact.language], ctx.settings.core.languages),
        sender=build_sender(ctx),
        name=contact.name,
        lead=row.options["lead"],
        platform=page.title,
        review_url=ctx.links.url("r", token),
        unsubscribe_url=unsubscribe,
        reminder=is_reminder(row),
    )
    return _build_message(ctx, row, "review_invitation", contact, worded, unsubscribe, answered.response.survey)


def build_fallback_message(ctx: Context, row: DeliveryRow, answered: ContactResponse) -> Message:
    """The mail of last resort to the mandatory fallback address."""
    core = ctx.settings.core
    worded = staff_texts.render_fallback(
        language=core.language, company=core.company, answered=answered, problem=row.options["problem"]
    )
    return build_staff_message(ctx, row, worded)


def build_staff_message(ctx: Context, row: DeliveryRow, worded: RenderedText) -> Message:
    """A mail to the fallback address."""
    return Message(
        idempotency_key=row.key,
        kind="fallback",
        to=Address(email=ctx.settings.core.fallback_email),
        subject=worded.subject,
        text=worded.text,
        html=worded.html,
        language=worded.language,
    )


def build_notice_message(ctx: Context, row: DeliveryRow) -> Message:
    """A mail to staff about something that stopped by itself, and that no single answer is behind."""
    core = ctx.settings.core
    problem = str(row.options["problem"])
    return Message(
        idempotency_key=row.key,
        kind="fallback",
        to=Address(email=core.fallback_email),
        subject=f"{core.company}: {problem.partition('. ')[0]}"[:250],
        text=f"{problem}\n\n{core.url}\n",
        language=core.language,
    )


def _trigger_language(ctx: Context, invitation: InvitationRow) -> str | None:
    """The language that the trigger sets whatever the person's is, or none."""
    return next((one.language for one in ctx.settings.triggers if one.label == invitation.trigger), None)


def _build_message(
    ctx: Context,
    row: DeliveryRow,
    kind: str,
    contact: ContactRow,
    worded: mails.RenderedText,
    unsubscribe_url: str,
    survey_name: str,
) -> Message:
    row.options = {**row.options, MAILBOX_OPTION: contact.mailbox}
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
            "list_id": list_id(ctx, survey_name),
            "inline_images": inline_images(ctx),
        }
    )


def list_id(ctx: Context, survey_name: str) -> str:
    """By which mail programs know the mails of one survey."""
    return f"{survey_name}.surveys.{urlsplit(ctx.settings.core.url).hostname or 'localhost'}"


def _unsubscribe_url(ctx: Context, contact: ContactRow) -> str:
    link = UnsubscribeLink(contact.id or 0, contact.mailbox or mailbox_hash(contact.email or ""))
    return ctx.links.url("u", ctx.links.unsubscribe(link))


def inline_images(ctx: Context) -> tuple[InlineImage, ...]:
    """What travels inside every mail to a customer: the logo, if there is one."""
    image = _load_logo(ctx.settings.core.logo)
    return (InlineImage(content_id=LOGO_CONTENT_ID, media_type=media_type(image) or "", data=image),) if image else ()


@lru_cache(maxsize=4)
def _load_logo(path: Path | None) -> bytes | None:
    """The logo, read once; the configuration was refused if it could not be."""
    return read_logo(path) if path else None


def build_sender(ctx: Context, signed_by: str | None = None) -> mails.Sender:
    """The company, as mails to customers show it."""
    core = ctx.settings.core
    image = _load_logo(core.logo)
    width, height = display_size(image) if image else (0, 0)
    return mails.Sender(
        company=core.company,
        help_address=core.help_address,
        privacy_notice_url=str(core.privacy_notice_url),
        postal_address=core.postal_address,
        colour=core.colour,
        logo=Logo(content_id=LOGO_CONTENT_ID, width=width, height=height) if image else None,
        signed_by=signed_by,
    )
