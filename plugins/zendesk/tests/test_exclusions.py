"""nps_veto_survey: tickets that are excluded from surveys, with the reason."""

from __future__ import annotations

import json

import pytest

import nps_connect_zendesk
from nps_connect import Contact, Event, SurveyView, WebhookRequest
from nps_connect.plugins import Plugins
from nps_connect.testing import START
from nps_connect_zendesk import nps_open_tickets, nps_parse_events

URL = "https://nps.example.com/hooks/helpdesk"


def webhook(body):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return WebhookRequest(method="POST", url=URL, headers={}, body=raw, received_at=START)


def solved(**detail):
    defaults = {
        "id": "35436",
        "updated_at": "2026-03-02T08:30:00Z",
        "requester_id": "1001",
        "via": {"channel": "email"},
    }
    return {
        "type": "zen:event-type:ticket.status_changed",
        "detail": {**defaults, **detail},
        "event": {"current": "SOLVED", "previous": "OPEN"},
    }


class TestExclusions:
    SURVEY = SurveyView(name="after-support", touchpoint="support", channel="mail")

    def veto(self, event):
        plugins = Plugins()
        plugins.register(nps_connect_zendesk, "zendesk")
        contact = Contact(connection="helpdesk", id="1001")
        return plugins.call("zendesk", "nps_veto_survey", event=event, contact=contact, survey=self.SURVEY)

    def reason(self, connection, body):
        (event,) = nps_parse_events(connection, webhook(body))
        veto = self.veto(event)
        return veto.reason if veto else None

    def test_an_ordinary_ticket_is_surveyed(self, helpdesk):
        assert self.reason(helpdesk(), solved()) is None

    @pytest.mark.parametrize(
        ("detail", "text"),
        [
            ({"tags": ["x", "nps_connect"]}, "our own"),
            ({"external_id": "nps-resp1"}, "our own"),
            ({"tags": ["closed_by_merge"]}, "merged"),
            ({"tags": ["VIP-no-survey"]}, "excluded tag"),
            ({"group_id": "360"}, "excluded group"),
            ({"form_id": "77"}, "excluded form"),
            ({"via": {"channel": "VOICE"}}, "excluded channel"),
            ({"subject": "Réponse automatique : De 0 à 10"}, "automatic reply"),
            ({"subject": "Automatic reply: your opinion"}, "automatic reply"),
        ],
    )
    def test_each_exclusion_has_its_reason(self, helpdesk, detail, text):
        exclude = {"tags": ["vip-no-survey"], "groups": [360], "forms": ["77"], "channels": ["voice"]}
        assert text in self.reason(helpdesk(exclude=exclude), solved(**detail))

    def test_nps_veto_survey_ignores_events_of_other_plugins(self):
        event = Event(key="deal.won:1:1", kind="deal.won", object_id="1", occurred_at=START)
        assert self.veto(event) is None

    def test_our_own_ticket_is_vetoed(self, vendor, helpdesk, draft):
        connection = helpdesk()
        (receipt,) = nps_open_tickets(connection, [draft()])
        (sent,) = vendor.webhooks(vendor.simulate_event("ticket.solved", "ada@example.com"), URL)
        (event,) = nps_parse_events(connection, webhook(sent.body))
        assert event.object_id == receipt.id
        assert event.fields["own"] is True
        assert "our own" in self.veto(event).reason
