"""Hooks for decisions: whether an event leads to a survey."""

from __future__ import annotations

from nps_connect.hookspecs.markers import hookspec
from nps_connect.records.contacts import Contact
from nps_connect.records.events import Event
from nps_connect.records.surveys import ContactHistory, SurveyProposal, SurveyView, Veto


@hookspec
def nps_trigger_survey(event: Event, contact: Contact, history: ContactHistory) -> SurveyProposal | None:
    """Propose a survey for an event; return None for no proposal.

    The configured ``[[triggers]]`` are the built-in implementation. Each plugin is called separately; cooldown and
    suppressions of the core apply to every proposal.

    Raises:
        Nothing: an exception is logged, recorded in the decision, and counts as None.
    """


@hookspec
def nps_veto_survey(event: Event, contact: Contact, survey: SurveyView) -> Veto | None:
    """Veto the survey of a trigger with a reason, shown by ``explain``; return None to allow it.

    Raises:
        Nothing: an exception is logged and counts as a veto, so that no customer gets a survey by mistake.
    """
