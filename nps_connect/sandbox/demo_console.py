"""The console of a demo that keeps running: twelve months of three invented shops, and a user who may see them."""

from __future__ import annotations

import secrets
from typing import NamedTuple

from nps_connect.ledger.audit_log import Actor
from nps_connect.sandbox.demo_history import insert_demo_history
from nps_connect.sandbox.demo_purchases import DEMO_SHOPS
from nps_connect.sandbox.demo_rows import DemoNames
from nps_connect.services.context import Context
from nps_connect.services.users.passwords import PASSWORD_HASHER
from nps_connect.services.users.store import add_user
from nps_connect.settings.model import Settings

DEMO_USER = "claire@example.com"
DEMO_SETTINGS = "\n".join(
    [
        "\n# The groups of the console, and the teams of the three shops.",
        "[core.dimensions]",
        'location = "shop"',
        'owner = "owner"',
        'product = "product"',
        *(
            f"""
[teams.{shop.name.lower()}]
where = "location == '{shop.name}'"
members = {[f"{shop.name.lower()}-{number}@example.com" for number in range(1, 4)]}"""
            for shop in DEMO_SHOPS
        ),
        "",
    ]
)
"""What the demo adds to its configuration, in TOML."""


class ConsoleLogin(NamedTuple):
    """How to sign in to the console of a demo."""

    url: str
    email: str
    password: str


def set_up_console(ctx: Context, public_url: str) -> ConsoleLogin:
    """Store the history of the three shops, and an administrator with a random password.

    Raises:
        ConfigError: the extra ``console`` is not installed.
    """
    password = secrets.token_urlsafe(9)
    password_hash = PASSWORD_HASHER.hash(password)
    insert_demo_history(ctx, find_demo_names(ctx.settings))
    with ctx.ledger.write() as session:
        user = add_user(
            session,
            public_id=ctx.new_public_id(),
            email=DEMO_USER,
            name="Claire Dubois",
            role="admin",
            team=None,
            actor=Actor("cli", "demo"),
            now=ctx.clock(),
        )
        user.password_hash = password_hash
    return ConsoleLogin(f"{public_url}/console", DEMO_USER, password)


def find_demo_names(settings: Settings) -> DemoNames:
    """Return the connections of a configuration by what its routes do with them."""

    def connection_of(action: str) -> str | None:
        return next((route.via for route in settings.routes if route.do == action), None)

    name, survey = next(iter(settings.surveys.items()))
    crm = connection_of("write_score")
    triggers = [trigger for trigger in settings.triggers if trigger.survey == name]
    trigger = next((trigger for trigger in triggers if trigger.source == crm), triggers[0])
    return DemoNames(
        crm=crm or trigger.source,
        mail=survey.channel,
        helpdesk=connection_of("open_ticket"),
        reviews=connection_of("invite_review"),
        survey=name,
        touchpoint=survey.touchpoint or name,
        event_kind=trigger.on,
    )
