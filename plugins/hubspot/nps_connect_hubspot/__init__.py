"""HubSpot plugin: deals, tickets and contacts trigger surveys; scores are written to contact records.

One file per concern implements the hooks; the plugin loader reads them from this module.
"""

from nps_connect_hubspot.case_outcomes import nps_write_case_outcomes
from nps_connect_hubspot.check import nps_check
from nps_connect_hubspot.connector import nps_connector
from nps_connect_hubspot.contact_list import nps_list_contacts
from nps_connect_hubspot.contacts import nps_complete_events, nps_find_contacts
from nps_connect_hubspot.erasures import nps_erase_contacts
from nps_connect_hubspot.events import nps_parse_events
from nps_connect_hubspot.notes import nps_find_existing
from nps_connect_hubspot.opt_outs import nps_write_opt_outs
from nps_connect_hubspot.poll import nps_poll_events
from nps_connect_hubspot.scores import nps_write_scores
from nps_connect_hubspot.setup import nps_apply_setup, nps_plan_setup
from nps_connect_hubspot.snapshot import nps_snapshot
from nps_connect_hubspot.webhooks import nps_verify_webhook

__all__ = [
    "nps_apply_setup",
    "nps_check",
    "nps_complete_events",
    "nps_connector",
    "nps_erase_contacts",
    "nps_find_contacts",
    "nps_find_existing",
    "nps_list_contacts",
    "nps_parse_events",
    "nps_plan_setup",
    "nps_poll_events",
    "nps_snapshot",
    "nps_verify_webhook",
    "nps_write_case_outcomes",
    "nps_write_opt_outs",
    "nps_write_scores",
]
