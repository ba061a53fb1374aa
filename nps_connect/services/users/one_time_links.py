"""One-time links, by which users choose a password. The database holds only the hash of their token."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sqlalchemy import delete, select
from sqlmodel import Session, col

from nps_connect.errors import NpsConnectError
from nps_connect.ledger.audit_log import Actor, record_audit
from nps_connect.ledger.upserts import insert_many
from nps_connect.ledger.users import UserLinkRow, UserRow
from nps_connect.services.context import Context
from nps_connect.services.users.passwords import PASSWORD_HASHER, check_new_password, hash_token
from nps_connect.services.users.sessions import create_session, end_sessions_of
from nps_connect.services.users.sign_in_limits import forget_account

LinkPurpose = Literal["invitation", "reset"]

LINK_LIFETIMES: dict[LinkPurpose, timedelta] = {"invitation": timedelta(hours=24), "reset": timedelta(hours=1)}


class LinkGone(NpsConnectError):
    """A link that was used, has expired or never existed."""


class LinkedUser(NamedTuple):
    """The user of a link.

    Attributes:
        user: who chooses a password.
        purpose: of the link.
    """

    user: UserRow
    purpose: LinkPurpose


def create_link(session: Session, user: UserRow, purpose: LinkPurpose, now: datetime, token: str | None = None) -> str:
    """Store a new link and return its token. Earlier invitations end; earlier links of a forgotten password expire.

    Args:
        session: the transaction.
        user: who chooses a password.
        purpose: decides how long it is valid.
        now: the present moment.
        token: of a link whose mail is written later; None for a random one.
    """
    if purpose == "invitation":
        delete_links(session, user)
    token = token or secrets.token_urlsafe(32)
    row = {
        "token_hash": hash_token(token),
        "user_id": user.id,
        "purpose": purpose,
        "created_at": now,
        "expires_at": now + LINK_LIFETIMES[purpose],
    }
    insert_many(session, UserLinkRow, [row])
    return token


def link_address(public_url: str, token: str) -> str:
    """Return the address of a link."""
    return f"{public_url}/console/password/{token}"


def delete_links(session: Session, user: UserRow) -> None:
    """Delete all links of a user."""
    statement = delete(UserLinkRow).where(col(UserLinkRow.user_id) == user.id)
    session.execute(statement, execution_options={"synchronize_session": False})


def find_linked_user(session: Session, token: str, now: datetime) -> LinkedUser:
    """Return the user of a link, without using it.

    Raises:
        LinkGone: it was used, has expired or never existed, or the user is locked.
    """
    query = (
        select(UserRow, col(UserLinkRow.purpose))
        .join(UserLinkRow, col(UserLinkRow.user_id) == col(UserRow.id))
        .where(
            col(UserLinkRow.token_hash) == hash_token(token),
            col(UserLinkRow.expires_at) > now,
            col(UserRow.locked_at).is_(None),
        )
    )
    row = session.execute(query).first()
    if row is None:
        raise LinkGone("this link was used, or it has expired")
    return LinkedUser(*row)


def choose_password(ctx: Context, token: str, password: str) -> str:
    """Use a link: store the password, end all sessions of the user, and return the id of a new one.

    Args:
        ctx: the application context.
        token: of the link.
        password: as chosen.

    Raises:
        LinkGone: the link cannot be used.
        PasswordRefused: choose another password; the link stays valid.
        TooBusy: too many passwords are being checked.
    """
    now = ctx.clock()
    with ctx.ledger.read() as session:
        user = find_linked_user(session, token, now).user
    check_new_password(password, user.email, user.name, ctx.settings.core.company)
    password_hash = PASSWORD_HASHER.hash(password)
    with ctx.ledger.write() as session:
        used = delete(UserLinkRow).where(
            col(UserLinkRow.token_hash) == hash_token(token), col(UserLinkRow.expires_at) > now
        )
        query = select(UserRow).where(col(UserRow.id) == user.id, col(UserRow.locked_at).is_(None)).with_for_update()
        row = session.execute(query).scalar()
        if row is None or session.execute(used.returning(col(UserLinkRow.token_hash))).first() is None:
            raise LinkGone("this link was used, or it has expired")
        return store_password(ctx, session, row, password_hash)


def store_password(ctx: Context, session: Session, row: UserRow, password_hash: str) -> str:
    """Store a new password, which ends all sessions and links of the user; return the id of a new session."""
    row.password_hash = password_hash
    row.last_sign_in_at = ctx.clock()
    session.add(row)
    delete_links(session, row)
    end_sessions_of(session, row.id or 0)
    forget_account(ctx, session, row.email)
    record_audit(session, Actor("console", row.email), "password", f"user:{row.public_id}", now=ctx.clock())
    return create_session(session, row.id or 0, ctx.clock())
