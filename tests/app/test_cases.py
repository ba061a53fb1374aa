"""Checks of `[cases]` and `[recovery]`: priorities in order, and a recovery survey that can be triggered."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nps_connect import ActionInfo, ConnectionSettings, ConnectorInfo, EventKind, ExampleConfiguration, hookimpl
from nps_connect.settings.model import Cases

RECOVERY = '[recovery]\nsurvey = "after-purchase"\n'
ROUTE = '[[routes]]\non = "detractor"\ndo = "open_ticket"\nvia = "helpdesk"\n'
HELPDESK = '[connections.helpdesk]\nplugin = "desk"\n'


class HelpdeskPlugin:
    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="desk",
            title="Desk",
            settings=ConnectionSettings,
            actions=(ActionInfo(action="open_ticket"),),
            events=(EventKind(name="ticket.solved", description="A ticket is solved."),),
            example=ExampleConfiguration(connection="helpdesk", table=""),
        )

    @hookimpl
    def nps_open_tickets(self):
        return []

    @hookimpl
    def nps_poll_events(self):
        return None


@pytest.fixture
def with_helpdesk(configuration):
    """Add the helpdesk plugin and some text to the configuration."""

    def extend(*texts):
        if "desk" not in configuration.plugins.infos:
            configuration.plugins.register(HelpdeskPlugin(), "desk")
        configuration.path.write_text(configuration.path.read_text() + "\n" + "\n".join(texts))
        return configuration

    return extend


def test_a_recovery_survey_is_valid_with_a_helpdesk_that_sends_events(with_helpdesk):
    assert with_helpdesk(HELPDESK + 'events = "poll"\n', ROUTE, RECOVERY).validate()


def test_a_recovery_survey_needs_a_route_that_opens_tickets(with_helpdesk):
    assert with_helpdesk(RECOVERY).validate()  # staff solve the cases in the console
    (mistake,) = with_helpdesk("[cases]\nown_cases = false\n").mistakes()
    assert "recovery.survey" in mistake
    assert "no route opens a ticket" in mistake


def test_a_recovery_survey_needs_events_of_solved_tickets(with_helpdesk):
    (mistake,) = with_helpdesk(HELPDESK, ROUTE, RECOVERY).mistakes()
    assert "'helpdesk' sends no ticket.solved events" in mistake
    assert "webhook or poll" in mistake


def test_a_recovery_survey_must_be_defined(with_helpdesk):
    (mistake,) = with_helpdesk(HELPDESK + 'events = "poll"\n', ROUTE, RECOVERY.replace("after", "aftr")).mistakes()
    assert "there is no survey 'aftr-purchase'" in mistake
    assert "after-purchase" in mistake


def test_urgent_scores_must_not_exceed_high_scores():
    assert Cases(urgent_up_to=2, high_up_to=2).high_up_to == 2
    with pytest.raises(ValidationError, match="high_up_to is below urgent_up_to"):
        Cases(urgent_up_to=4, high_up_to=3)
