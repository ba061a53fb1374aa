"""Who receives a digest, and how a recipient leaves it or comes back."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlmodel import Session, col

from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.digests import DigestOptOutRow
from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.ledger.upserts import insert_many
from nps_connect.records.pages import DigestPage
from nps_connect.services.context import Context
from nps_connect.services.suppressions.opt_out import mask_email

LINK_ACTOR = Actor("console", "link in a digest")


def load_recipients(session: Session, configured: tuple[str, ...], scope: str) -> dict[str, str]:
    """Return the addresses that receive the digest of a scope, by the hash of their mailbox.

    Args:
        session: for reading.
        configured: the addresses of the configuration.
        scope: name of the team, or empty.
    """
    query = select(col(DigestOptOutRow.mailbox)).where(col(DigestOptOutRow.scope) == scope)
    left = set(session.execute(query).scalars())
    return {hashed: email for email in configured if (hashed := mailbox_hash(email)) not in left}


def digest_page(ctx: Context, token: str) -> DigestPage:
    """Return the page on which a recipient leaves a digest; changes nothing (mail scanners open every link)."""
    with ctx.ledger.read() as session:
        return _build_page(ctx, session, token)


def leave_digest(ctx: Context, token: str) -> DigestPage:
    """Remove a recipient from the digest of one scope; other digests and mails stay. Idempotent, audited."""
    link = ctx.links.read_digest(token)
    with ctx.ledger.write() as session:
        if link is not None:
            row = {"scope": link.scope, "mailbox": link.mailbox, "at": ctx.clock()}
            keys = ("scope", "mailbox")
            if insert_many(session, DigestOptOutRow, [row], skip_existing=keys, returning=("scope",)):
                _record(ctx, session, "digest leave", link.scope, link.mailbox)
        return _build_page(ctx, session, token)


def rejoin_digest(ctx: Context, token: str) -> DigestPage:
    """Undo `leave_digest`. Idempotent, audited."""
    link = ctx.links.read_digest(token)
    with ctx.ledger.write() as session:
        if link is not None:
            is_left = (col(DigestOptOutRow.scope) == link.scope) & (col(DigestOptOutRow.mailbox) == link.mailbox)
            removed = session.execute(delete(DigestOptOutRow).where(is_left).returning(col(DigestOptOutRow.scope)))
            if removed.scalars().first() is not None:
                _record(ctx, session, "digest rejoin", link.scope, link.mailbox)
        return _build_page(ctx, session, token)


def _record(ctx: Context, session: Session, command: str, scope: str, mailbox: str) -> None:
    record_audit(session, LINK_ACTOR, command, f"digest:{scope or 'company'} m:{mailbox}", now=ctx.clock())


def _build_page(ctx: Context, session: Session, token: str) -> DigestPage:
    link, core = ctx.links.read_digest(token), ctx.settings.core
    if link is None:
        return DigestPage(state="unknown", language=core.language)
    has_left = session.get(DigestOptOutRow, (link.scope, link.mailbox)) is not None
    configured = ctx.settings.digest_recipients.get(link.scope, ())
    email = next((email for email in configured if mailbox_hash(email) == link.mailbox), None)
    return DigestPage(
        state="left" if has_left else "open",
        language=core.language,
        every=ctx.settings.digest.every,
        team=link.scope or None,
        mailbox=mask_email(email) if email else None,
    )
