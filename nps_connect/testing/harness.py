"""Test harness: one plugin connected to a new simulated vendor, with deliveries run as the worker runs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import lru_cache
from types import ModuleType
from typing import Any

import httpx

from nps_connect.app.actions import ACTIONS
from nps_connect.connection import Clock
from nps_connect.errors import DeliveryError
from nps_connect.plugins import Plugins
from nps_connect.records.contacts import Contact, ContactKey
from nps_connect.records.deliveries import DeliveryView, Payload, Receipt
from nps_connect.records.messages import Message
from nps_connect.redaction import iter_secrets
from nps_connect.sandbox.vendor_transport import VendorTransport
from nps_connect.simulation import SimulatedPerson, SimulatedVendor
from nps_connect.testing.fakes import FixedClock, connect
from nps_connect.testing.faults import FaultTransport
from nps_connect.testing.samples import PEOPLE, build_contact, build_payload, build_response

VendorFactory = Callable[[Clock], SimulatedVendor]

DeliveryOutcome = Receipt | DeliveryError

VISIBLE_ACTIONS = frozenset({"open_ticket", "write_score", "write_case_outcome", "send_alert"})
"""Actions whose effect is visible in `VendorEffects` after any success."""


class PluginHarness:
    """One plugin, one connection, one vendor that knows the sample people.

    Args:
        plugin: the plugin's module.
        settings: its table, secrets in plain text.
        vendor: builds the simulated vendor; None for plugins without one.
        name: the connection's name.

    Attributes:
        info: what the plugin declares.
        connection: what its hooks receive.
        clock: the clock of connection and vendor.
        vendor: the simulated vendor, if there is one.
        transport: the HTTP transport between them, which counts requests and injects faults.
    """

    def __init__(
        self,
        plugin: ModuleType,
        settings: Mapping[str, Any],
        vendor: VendorFactory | None,
        *,
        name: str = "crm",
    ) -> None:
        self._plugins = _load_plugin(plugin)
        [self.info] = self._plugins.infos.values()
        self.clock = FixedClock()
        self.vendor = vendor(self.clock) if vendor else None
        self.transport = FaultTransport(_NoVendor())
        if self.vendor is not None:
            self.vendor.populate(PEOPLE)
        if self.vendor is not None and self.info.base_url is not None:
            parsed = self.info.settings.model_validate({"plugin": self.info.name, **settings})
            address = httpx.URL(self.info.base_url(parsed) or "")
            self.transport = FaultTransport(VendorTransport(self.vendor, address.path))
        self.connection = connect(plugin, settings, clock=self.clock, name=name, transport=self.transport)
        self.secrets = tuple(iter_secrets(self.connection.settings))
        if self.has_hook("nps_plan_setup") and self.has_hook("nps_apply_setup"):
            self.call("nps_apply_setup", changes=self.call("nps_plan_setup"))

    def has_hook(self, hook: str) -> bool:
        """Whether the plugin implements a hook."""
        return self._plugins.has(self.info.name, hook)

    def call(self, hook: str, **more: Any) -> Any:  # noqa: ANN401  # each hook answers its own type
        """Call a hook for the connection; the returned value is validated."""
        return self._plugins.call(self.info.name, hook, connection=self.connection, **more)

    def deliver(self, action: str, *items: Payload) -> list[DeliveryOutcome]:
        """Deliver a batch; the outcomes are validated."""
        return self._plugins.deliver(self.info.name, ACTIONS[action].hook, self.connection, items)

    def find_contact(self, person: SimulatedPerson) -> Contact:
        """Return the person as the vendor knows them, or a made-up contact if the plugin has no look-up."""
        if self.has_hook("nps_find_contacts"):
            [match] = self.call("nps_find_contacts", keys=[ContactKey(kind="email", value=person.email)])
            if len(match.contacts) == 1:
                contact: Contact = match.contacts[0]
                return contact
        return build_contact(person, self.connection.name)

    def build_item(
        self, action: str, person: SimulatedPerson, *, score: int = 2, age: timedelta = timedelta()
    ) -> Payload:
        """Return a delivery for a person, ready to be delivered; for `update_ticket` the ticket is opened first.

        Args:
            action: the action.
            person: one of the sample people.
            score: the person's score.
            age: how long ago they responded.
        """
        contact = self.find_contact(person)
        response = build_response(person, at=self.clock() - age, score=score)
        key = f"{response.id}-{action}"
        ticket = ""
        if action == "update_ticket" and self.has_hook("nps_open_tickets"):
            [opened] = self.deliver("open_ticket", build_payload("open_ticket", contact, response, key=f"{key}-first"))
            if isinstance(opened, DeliveryError):
                raise opened
            ticket = opened.id
        return build_payload(action, contact, response, key=key, ticket_id=ticket)

    def find_existing(self, action: str, item: Payload) -> Receipt | None:
        """Return what `nps_find_existing` finds for a delivery."""
        view = DeliveryView.model_validate(
            {
                "action": action,
                "idempotency_key": item.idempotency_key,
                "payload": item,
                "first_started_at": self.clock(),
            }
        )
        receipt: Receipt | None = self.call("nps_find_existing", delivery=view)
        return receipt

    def redeliver(self, action: str, item: Payload, *, in_doubt: bool) -> DeliveryOutcome | None:
        """Deliver an item again as the worker would; None if it would be held for the operator.

        A delivery in doubt is looked up if the plugin can; otherwise a mail is held and everything else is sent again.

        Args:
            action: what is delivered.
            item: the delivery.
            in_doubt: whether the first attempt may have taken effect.
        """
        if in_doubt and self.has_hook("nps_find_existing"):
            receipt = self.find_existing(action, item)
            if receipt is not None:
                return receipt
        elif in_doubt and isinstance(item, Message) and item.kind != "fallback":
            return None  # mail to customers is never sent again without being asked
        return self.deliver(action, item)[0]

    def visible_effect(self, action: str, item: Payload) -> object:
        """Return what is visible of a delivery at the vendor, or None.

        That is the ids of tickets, the score, the state of the case, or the alerts with the same title.
        """
        if self.vendor is None:
            return None
        effects = self.vendor.effects()
        email = getattr(getattr(item, "contact", None), "email", None) or ""
        if action in {"open_ticket", "update_ticket"}:
            return tuple(effects.tickets.get(email, ())) or None
        if action == "write_score":
            return effects.scores.get(email)
        if action == "write_case_outcome":
            return effects.case_states.get(email)
        if action == "send_alert":
            return tuple(title for title in effects.alerts if title == getattr(item, "title", None)) or None
        return None


@lru_cache(maxsize=8)
def _load_plugin(plugin: ModuleType) -> Plugins:
    plugins = Plugins()
    plugins.register(plugin, plugin.nps_connector().name)
    return plugins


class _NoVendor(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"the contract kit has no vendor to answer {request.method} {request.url.path}")
