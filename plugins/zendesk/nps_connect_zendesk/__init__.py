"""Zendesk plugin: solved tickets trigger surveys, detractors become tickets, scores are written to user profiles.

One file per concern implements the hooks; the plugin loader reads them from this module.
"""

from __future__ import annotations

from nps_connect_zendesk.auth import nps_authorize
from nps_connect_zendesk.case_outcomes import nps_write_case_outcomes
from nps_connect_zendesk.check import nps_check
from nps_connect_zendesk.connector import nps_connector
from nps_connect_zendesk.contacts import nps_complete_events, nps_find_contacts
from nps_connect_zendesk.erasures import nps_erase_contacts
from nps_connect_zendesk.events import nps_parse_events, nps_veto_survey
from nps_connect_zendesk.poll import nps_poll_events
from nps_connect_zendesk.scores import nps_write_scores
from nps_connect_zendesk.setup import nps_apply_setup, nps_plan_setup
from nps_connect_zendesk.snapshot import nps_snapshot
from nps_connect_zendesk.tickets import nps_find_existing, nps_open_tickets, nps_update_tickets
from nps_connect_zendesk.user_list import nps_list_contacts
from nps_connect_zendesk.webhooks import nps_verify_webhook

__all__ = [
    "nps_apply_setup",
    "nps_authorize",
    "nps_check",
    "nps_complete_events",
    "nps_connector",
    "nps_erase_contacts",
    "nps_find_contacts",
    "nps_find_existing",
    "nps_list_contacts",
    "nps_open_tickets",
    "nps_parse_events",
    "nps_plan_setup",
    "nps_poll_events",
    "nps_snapshot",
    "nps_update_tickets",
    "nps_verify_webhook",
    "nps_veto_survey",
    "nps_write_case_outcomes",
    "nps_write_scores",
]
