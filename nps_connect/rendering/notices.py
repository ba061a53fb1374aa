"""Texts for staff about what stopped by itself, with no one customer behind it. The first sentence is the subject."""

from __future__ import annotations

from nps_connect.rendering.catalogs import load_translations, supported_language
from nps_connect.rendering.sanitization import one_line


def render_daily_cap_reached(language: str, *, cap: int) -> str:
    """No further survey is due today.

    Args:
        language: the company's own.
        cap: surveys per day.
    """
    _ = load_translations(supported_language(language)).gettext
    return _("surveys_per_day (%(cap)s) is reached: more surveys wait") % {"cap": cap}


def render_trigger_held(language: str, *, trigger: str) -> str:
    """A trigger waits for an operator.

    Args:
        language: the company's own.
        trigger: its name.
    """
    _ = load_translations(supported_language(language)).gettext
    told = _(
        "Trigger %(trigger)s is about to reach unusually many people and is held. Look at: %(look)s. Then: "
        "%(release)s, or: %(refuse)s"
    )
    return told % {
        "trigger": trigger,
        "look": "nps-connect status",
        "release": f"nps-connect triggers release '{trigger}'",
        "refuse": f"nps-connect triggers refuse '{trigger}'",
    }


def render_connection_stopped(language: str, *, name: str, reason: str, scope: str, by_itself: bool) -> str:
    """A connection, or one of its actions, is stopped.

    Args:
        language: the company's own.
        name: of the connection, or with the action behind it.
        reason: one sentence, as the vendor or the plugin gave it.
        scope: what to resume by hand.
        by_itself: it goes on once the connection's check passes; else the operator resumes it.
    """
    _ = load_translations(supported_language(language)).gettext
    way = (
        _("Mend it; it goes on by itself when this passes: %(command)s")
        if by_itself
        else _("Mend or update the plugin, then run: %(command)s")
    )
    check = f"nps-connect connections check {name.partition('/')[0]}"
    told = _("%(name)s is stopped. %(reason)s. What is due waits. %(way)s")
    return told % {
        "name": name,
        "reason": one_line(reason, 500).rstrip("."),
        "way": way % {"command": check if by_itself else f"nps-connect resume {scope}"},
    }
