"""Cases: a follow-up asks a survey that exists, after tickets that somebody tells us are solved."""

from __future__ import annotations

from nps_connect.app.checks.context import CheckContext

TICKET_SOLVED = "ticket.solved"


def check_cases(subject: CheckContext) -> None:
    """Check the follow-up of solved cases."""
    settings = subject.settings
    if settings.recovery.survey is None:
        return
    subject.survey(settings.recovery.survey, ("recovery", "survey"))
    helpdesks = dict.fromkeys(route.via for route in settings.routes if route.do == "open_ticket")
    if not helpdesks:
        subject.add_mistake(
            ("recovery", "survey"),
            "no route opens a ticket, so no case would ever be solved",
            fix='add a route with do = "open_ticket"',
        )
    elif not any(sends_solved_events(subject, name) for name in helpdesks if name in settings.connections):
        subject.add_mistake(
            ("recovery", "survey"),
            f"nothing would tell that a ticket is solved: {_format_names(helpdesks)} gives no {TICKET_SOLVED} events",
            fix="set its events to webhook or poll" if any(map(subject.info, helpdesks)) else None,
        )


def sends_solved_events(subject: CheckContext, connection: str) -> bool:
    """Whether a connection tells of solved tickets; one with mistakes of its own is not blamed twice."""
    info, parsed = subject.info(connection), subject.parsed.get(connection)
    if info is None or parsed is None:
        return True
    return parsed.events != "none" and any(kind.name == TICKET_SOLVED for kind in info.events)


def _format_names(helpdesks: dict[str, None]) -> str:
    return " or ".join(repr(name) for name in helpdesks)
