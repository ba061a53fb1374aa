"""Check the digest: its teams exist and have members, a connection can send it, and its picture can be drawn."""

from __future__ import annotations

from importlib.util import find_spec

from nps_connect.app.checks.context import CheckContext
from nps_connect.settings.key_paths import nearest


def check_digest(context: CheckContext) -> None:
    """Check that every digest reaches somebody, and can be made and sent."""
    settings = context.settings
    if not settings.digest.is_on:
        return
    for number, name in enumerate(settings.digest.teams):
        team = settings.teams.get(name)
        if team is None:
            names = sorted(settings.teams)
            context.add_mistake(
                ("digest", "teams", number), f"there is no team {name!r}", allowed=names, nearest=nearest(name, names)
            )
        elif not team.members:
            context.add_mistake(
                ("digest", "teams", number),
                f"the digest of team {name!r} reaches nobody: the team has no members",
                fix=f"add addresses to members in [teams.{name}], or remove the team here",
            )
    if not any(info is not None and info.channel for info in map(context.info, context.parsed)):
        context.add_mistake(
            ("digest",), "no connection can send the digest", fix='add a connection with plugin = "email"'
        )
    if find_spec("PIL") is None:
        context.add_mistake(
            ("digest",), "the picture of the digest needs Pillow", fix="pip install 'nps-connect[console]'"
        )
