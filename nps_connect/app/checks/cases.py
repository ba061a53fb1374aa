"""Check cases: the country whose holidays count, and the recovery survey after a solved case."""

from __future__ import annotations

from nps_connect.app.checks.context import CheckContext
from nps_connect.rules.working_days import known_regions
from nps_connect.settings.key_paths import nearest

TICKET_SOLVED = "ticket.solved"


def check_holidays(context: CheckContext) -> None:
    """Check that the public holidays of the configured country and region are known."""
    cases = context.settings.cases
    if cases.country is None:
        return
    regions = known_regions(cases.country)
    if regions is None:
        fix = "write the ISO 3166-1 code, such as FR"
        context.add_mistake(("cases", "country"), "the public holidays of this country are not known", fix=fix)
    elif cases.region is not None and cases.region not in regions:
        problem = f"{cases.country} has no region of this name with holidays of its own"
        near = nearest(cases.region, sorted(regions))
        context.add_mistake(("cases", "region"), problem, allowed=sorted(regions), nearest=near)


def check_recovery(context: CheckContext) -> None:
    """Check that the recovery survey exists and that a helpdesk sends the events that trigger it."""
    settings = context.settings
    if settings.recovery.survey is None:
        return
    key_path = ("recovery", "survey")
    context.survey(settings.recovery.survey, key_path)
    helpdesks = dict.fromkeys(route.via for route in settings.routes if route.do == "open_ticket")
    if settings.cases.own_cases and not helpdesks:
        return  # staff solve the cases here
    if not helpdesks:
        problem = "no route opens a ticket, so no case would ever be solved"
        context.add_mistake(key_path, problem, fix='add a route with do = "open_ticket", or set cases.own_cases')
    elif not any(_sends_solved_events(context, name) for name in helpdesks if name in settings.connections):
        context.add_mistake(
            key_path,
            f"solved tickets would not be noticed: {' or '.join(map(repr, helpdesks))} sends no {TICKET_SOLVED} events",
            fix="set its events to webhook or poll" if any(map(context.info, helpdesks)) else None,
        )


def _sends_solved_events(context: CheckContext, connection: str) -> bool:
    """Return whether a connection sends events of solved tickets; True if its table has mistakes, reported already."""
    info, parsed = context.info(connection), context.parsed.get(connection)
    if info is None or parsed is None:
        return True
    return parsed.events != "none" and any(kind.name == TICKET_SOLVED for kind in info.event_kinds(parsed))
