"""A signed-in user chooses another password."""

from __future__ import annotations

from nps_connect.records.users import Viewer
from nps_connect.services.context import Context
from nps_connect.services.users.changes import find_user
from nps_connect.services.users.one_time_links import store_password
from nps_connect.services.users.passwords import PASSWORD_HASHER, check_new_password
from nps_connect.services.users.sign_in import SignInRefused
from nps_connect.services.users.sign_in_limits import count_attempt, password_scopes


def change_password(ctx: Context, viewer: Viewer, current: str, password: str, network: str | None) -> str:
    """Store another password, which ends all other sessions of the user; return the id of a new session.

    Attempts with a wrong password are counted as at the sign-in: a stolen session does not reveal the password.

    Raises:
        PasswordRefused: choose another password.
        SignInRefused: the current password is wrong, or was wrong too often.
        TooBusy: too many passwords are being checked.
    """
    check_new_password(password, viewer.email, viewer.name, ctx.settings.core.company)
    with ctx.ledger.write() as session:
        wait = count_attempt(session, password_scopes(ctx, viewer.email, network), ctx.clock())
        user = find_user(session, viewer.user_id)
        current_hash = user.password_hash if user is not None else None
    if wait is not None:
        raise SignInRefused(wait)
    if not PASSWORD_HASHER.verify(current, current_hash):
        raise SignInRefused
    password_hash = PASSWORD_HASHER.hash(password)
    with ctx.ledger.write() as session:
        user = find_user(session, viewer.user_id, for_update=True)
        if user is None or user.password_hash != current_hash:
            raise SignInRefused
        return store_password(ctx, session, user, password_hash)
