"""Cases: priorities in order, and a follow-up that can really happen."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from nps_connect import ActionInfo, ConnectionSettings, ConnectorInfo, EventKind, ExampleConfiguration, hookimpl
from nps_connect.settings.model import Cases

RECOVERY = '[recovery]\nsurvey = "after-purchase"\n'
ROUTE = '[[routes]]\non = "detractor"\ndo = "open_ticket"\nvia = "helpdesk"\n'
HELPDESK = '[connections.helpdesk]\nplugin = "desk"\n'


class Desk:
    @hookimpl
    def nps_connector(self):
        return ConnectorInfo(
            name="desk",
            title="Desk",
            settings=ConnectionSettings,
            actions=(ActionInfo(action="open_ticket", doubt="look"),),
            events=(EventKind(name="ticket.solved", description="A ticket is solved."),),
            polling=True,
            example=ExampleConfiguration(connection="helpdesk", table=""),
        )


@pytest.fixture
def desk(world):
    """The world with a helpdesk, after some more text."""

    def make(*texts):
        world.plugins.register(Desk(), "desk")
        world.path.write_text(world.path.read_text() + "\n" + "\n".join(texts))
        return world

    return make


def test_a_follow_up_with_a_helpdesk_that_tells_is_right(desk):
    assert desk(HELPDESK + 'events = "poll"\n', ROUTE, RECOVERY).validate()


def test_a_follow_up_without_tickets_would_never_happen(desk):
    (mistake,) = desk(RECOVERY).mistakes()
    assert "recovery.survey" in mistake
    assert "no route opens a ticket" in mistake


def test_a_follow_up_without_events_would_never_happen(desk):
    (mistake,) = desk(HELPDESK, ROUTE, RECOVERY).mistakes()
    assert "'helpdesk' gives no ticket.solved events" in mistake
    assert "webhook or poll" in mistake


def test_a_follow_up_names_a_survey_that_exists(desk):
    (mistake,) = desk(HELPDESK + 'events = "poll"\n', ROUTE, RECOVERY.replace("after", "aftr")).mistakes()
    assert "there is no survey 'aftr-purchase'" in mistake
    assert "after-purchase" in mistake


def test_bands_of_priority_are_in_order():
    assert Cases(urgent_up_to=2, high_up_to=2).high_up_to == 2
    with pytest.raises(ValidationError, match="high_up_to is below urgent_up_to"):
        Cases(urgent_up_to=4, high_up_to=3)
