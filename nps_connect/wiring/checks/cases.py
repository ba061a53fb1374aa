"""Cases: a follow-up asks a survey that exists, after tickets that somebody tells us are solved."""

from __future__ import annotations

from nps_connect.wiring.checks.subject import Subject

SOLVED = "ticket.solved"


def check_cases(subject: Subject) -> None:
    """Check the follow-up of solved cases."""
    settings = subject.settings
    if settings.recovery.survey is None:
        return
    subject.survey(settings.recovery.survey, ("recovery", "survey"))
    helpdesks = dict.fromkeys(route.via for route in settings.routes if route.do == "open_ticket")
    if not helpdesks:
        subject.mistake(
            ("recovery", "survey"),
            "no route opens a ticket, so no case would ever be solved",
            fix='add a route with do = "open_ticket"',
        )
    elif not any(tells(subject, name) for name in helpdesks if name in settings.connections):
        subject.mistake(
            ("recovery", "survey"),
            f"nothing would tell that a ticket is solved: {_named(helpdesks)} gives no {SOLVED} events",
            fix="set its events to webhook or poll" if any(map(subject.info, helpdesks)) else None,
        )


def tells(subject: Subject, connection: str) -> bool:
    """Whether a connection tells of solved tickets; one with mistakes of its own is not blamed twice."""
    info, parsed = subject.info(connection), subject.parsed.get(connection)
    if info is None or parsed is None:
        return True
    return parsed.events != "none" and any(kind.name == SOLVED for kind in info.events)


def _named(helpdesks: dict[str, None]) -> str:
    return " or ".join(repr(name) for name in helpdesks)
