"""Join the actions of all features into one mapping."""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import get_args

from nps_connect.errors import ConfigError
from nps_connect.records.actions import Action
from nps_connect.services.action_spec import ActionSpec, ActionSpecs
from nps_connect.services.cases.action_specs import ACTIONS as CASE_ACTIONS
from nps_connect.services.invitations.action_specs import ACTIONS as INVITATION_ACTIONS
from nps_connect.services.operations.action_specs import ACTIONS as FALLBACK_ACTIONS
from nps_connect.services.reports.action_specs import ACTIONS as REPORT_ACTIONS
from nps_connect.services.reviews.action_specs import ACTIONS as REVIEW_ACTIONS
from nps_connect.services.routing.action_specs import ACTIONS as ROUTING_ACTIONS
from nps_connect.services.suppressions.action_specs import ACTIONS as SUPPRESSION_ACTIONS
from nps_connect.services.webhooks.action_specs import ACTIONS as WEBHOOK_ACTIONS


def join_actions(specs: Iterable[ActionSpec]) -> ActionSpecs:
    """Return the specifications by action name.

    Raises:
        ConfigError: an action is missing or specified twice.
    """
    specs = tuple(specs)
    names = [spec.action for spec in specs]
    missing = set(get_args(Action)) - set(names)
    repeated = {name for name in names if names.count(name) > 1}
    if missing or repeated:
        raise ConfigError(f"actions without a specification: {sorted(missing)}; specified twice: {sorted(repeated)}")
    return MappingProxyType({spec.action: spec for spec in sorted(specs, key=lambda spec: spec.priority)})


ACTIONS: ActionSpecs = join_actions(
    (
        *CASE_ACTIONS,
        *INVITATION_ACTIONS,
        *FALLBACK_ACTIONS,
        *REVIEW_ACTIONS,
        *ROUTING_ACTIONS,
        *SUPPRESSION_ACTIONS,
        *WEBHOOK_ACTIONS,
        *REPORT_ACTIONS,
    )
)
"""Every action, most urgent first."""
