"""What every mail to a customer shares: the pause of its survey, sender, logo, unsubscribe link and list id."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from sqlmodel import Session

from nps_connect.ledger import pauses
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.tables import ContactRow, DeliveryRow
from nps_connect.records.actions import HoldCode
from nps_connect.records.messages import Address, InlineImage, Message
from nps_connect.rendering.logo_size import display_size
from nps_connect.rendering.mails import Logo, RenderedText, Sender
from nps_connect.services.action_spec import NotAttempted, Prepared
from nps_connect.services.context import Context
from nps_connect.settings.branding import media_type, read_logo
from nps_connect.settings.surveys import Survey

LOGO_CONTENT_ID = "logo"
MAILBOX_OPTION = "mailbox"
"""Key of a delivery's options: the hashed mailbox that its mail went to."""
MESSAGE_ID_OPTION = "message_id"
"""Key of a delivery's options: the part of the ``Message-ID`` before the @, which the log of the mail server holds."""


def build_customer_message(
    ctx: Context, row: DeliveryRow, kind: str, contact: ContactRow, rendered: RenderedText, survey: str
) -> Prepared:
    """Build the message of a delivery; its options record mailbox and ``Message-ID``, and it waits no longer."""
    message_id = ctx.links.message_id(row.key)
    message = Message.model_validate(
        {
            "idempotency_key": row.key,
            "message_id": message_id,
            "kind": kind,
            "to": Address(email=contact.email or "", name=contact.name),
            "subject": rendered.subject,
            "text": rendered.text,
            "html": rendered.html,
            "language": rendered.language,
            "unsubscribe_url": unsubscribe_url(ctx, contact),
            "list_id": list_id(ctx, survey),
            "inline_images": inline_images(ctx),
        }
    )
    options = {**row.options, MAILBOX_OPTION: contact.mailbox, MESSAGE_ID_OPTION: message_id}
    return Prepared(message, {"options": options, "hold_code": None, "hold_detail": None})


def survey_pause(session: Session, survey: str) -> NotAttempted | None:
    """Return that mail of a survey is held if an operator has paused it, else None."""
    is_paused = pauses.is_paused(session, pauses.survey_scope(survey))
    return NotAttempted.held(HoldCode.SURVEY_PAUSED, survey) if is_paused else None


def list_id(ctx: Context, survey: str) -> str:
    """Return the List-Id by which mail programs group the mails of one survey (RFC 2919)."""
    return f"{survey}.surveys.{urlsplit(ctx.settings.core.url).hostname or 'localhost'}"


def unsubscribe_url(ctx: Context, contact: ContactRow) -> str:
    """Return the unsubscribe link of the mailbox to which a contact's mail goes."""
    return ctx.links.url("u", ctx.links.unsubscribe(contact.mailbox or mailbox_hash(contact.email or "")))


def inline_images(ctx: Context) -> tuple[InlineImage, ...]:
    """Return the images inside every mail to a customer: the logo, if there is one."""
    image = _load_logo(ctx.settings.core.logo)
    return (InlineImage(content_id=LOGO_CONTENT_ID, media_type=media_type(image) or "", data=image),) if image else ()


def build_sender(ctx: Context, survey: Survey | None = None, language: str = "") -> Sender:
    """Return the company as mails to customers show it, signed as the survey says in a language, or by the company."""
    core, signature = ctx.settings.core, survey.signed_by if survey else None
    image = _load_logo(core.logo)
    width, height = display_size(image) if image else (0, 0)
    return Sender(
        company=core.company,
        help_address=core.help_address,
        privacy_notice_url=str(core.privacy_notice_url),
        postal_address=core.postal_address,
        colour=core.colour,
        logo=Logo(content_id=LOGO_CONTENT_ID, width=width, height=height) if image else None,
        signed_by=signature.get(language) if isinstance(signature, dict) else signature,
    )


@lru_cache(maxsize=4)
def _load_logo(path: Path | None) -> bytes | None:
    """Read the logo once; the configuration check has read it before."""
    return read_logo(path) if path else None
