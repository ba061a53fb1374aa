"""``nps-connect api-keys add``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

import click

from nps_connect.cli._support.actor import current_actor
from nps_connect.cli._support.names import NameChoice
from nps_connect.cli._support.options import Options, command
from nps_connect.cli._support.output import format_time, print_json
from nps_connect.records.api_scopes import API_SCOPES

if TYPE_CHECKING:
    from nps_connect.records.api_scopes import ApiScope

DEFAULT_LIFETIME = "365d"


@command
@click.option("--name", required=True, help="What the key is for, such as shop; the audit log names it.")
@click.option(
    "--scope", "scopes", type=NameChoice(API_SCOPES), multiple=True, required=True, help="What it allows; repeatable."
)
@click.option(
    "--expires",
    default=DEFAULT_LIFETIME,
    show_default=True,
    metavar="WHEN",
    help="When it ends: after a duration (90d), on a day (2027-01-31), or never.",
)
def add(options: Options, name: str, scopes: tuple[ApiScope, ...], expires: str, as_json: bool) -> None:
    """Add a key of the HTTP API and print it. It is stored as a hash only and cannot be shown again.

    Example: api-keys add --name shop --scope events:write --expires 90d

    Without the scope people, what is read has pseudonyms instead of names, addresses and vendor ids.
    """
    from nps_connect.connection import system_clock
    from nps_connect.services.api_keys.keys import add_key

    with options.open_ledger(writes=True) as (ledger, settings):
        now, zone = system_clock(), options.zone(settings)
        expires_at = _parse_expiry(expires, now, settings.core.zone)
        with ledger.write() as session:
            key = add_key(session, name=name, scopes=set(scopes), expires_at=expires_at, actor=current_actor(), now=now)
    if as_json:
        print_json({"name": name, "key": key, "scopes": sorted(set(scopes)), "expires_at": expires_at})
        return
    click.echo(key)
    click.echo(
        f"Store it now: it cannot be shown again. Expires: {format_time(expires_at, zone) or 'never'}.", err=True
    )


def _parse_expiry(text: str, now: datetime, zone: tzinfo) -> datetime | None:
    """Return the moment at which a key ends; None for never.

    Raises:
        click.BadParameter: neither a duration nor a day, or it has passed.
    """
    from nps_connect.settings.durations import parse_duration

    if text == "never":
        return None
    try:
        expires_at = now + parse_duration(text)
    except (ValueError, OverflowError):
        try:
            expires_at = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=zone).astimezone(UTC) + timedelta(days=1)
        except (ValueError, OverflowError):
            raise click.BadParameter(
                f"{text!r} is neither a duration such as 90d, a day such as 2027-01-31 nor never",
                param_hint="--expires",
            ) from None
    if expires_at <= now:
        raise click.BadParameter(f"{text!r} has passed", param_hint="--expires")
    return expires_at
