"""Deciding: should this event lead to a survey?"""

from __future__ import annotations

from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory, SurveyProposal, SurveyView, Veto


@hookspec
def nps_trigger_survey(event: Event, contact: Contact, history: ContactHistory) -> SurveyProposal | None:
    """Propose a survey for an event, or none.

    The configured ``[[triggers]]`` are the built-in implementer. Plugins are asked one by one, each alone; the core's
    cooldown and suppression decide last.

    Raises:
        Nothing on purpose: an exception is logged, recorded in the decision and counts as none.
    """


@hookspec
def nps_veto_survey(event: Event, contact: Contact, survey: SurveyView) -> Veto | None:
    """Refuse a survey that a trigger wants, with a reason that ``explain`` shows; or none.

    Raises:
        Nothing on purpose: an exception is logged and counts as a veto (nobody is bothered by mistake).
    """
