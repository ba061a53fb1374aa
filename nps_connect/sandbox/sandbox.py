"""`Sandbox`: all simulated vendors on one port and a mailbox on another, in threads of this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from nps_connect.sandbox.control_api import ControlApi
from nps_connect.sandbox.faults import FaultPlan
from nps_connect.sandbox.mailbox import SandboxMailbox
from nps_connect.sandbox.vendor_server import STALL_SECONDS, VendorServer
from nps_connect.simulation import SimulatedPerson, SimulatedVendor, VendorEffects

SMTP_URL_VARIABLE = "SMTP_URL"
"""Variable of the SMTP server in the built-in e-mail channel's example configuration."""

DEFAULT_PRODUCT_URL = "http://127.0.0.1:8040"
DATABASE_FILE = "nps-connect-sandbox.db"


class Sandbox:
    """Simulated vendors and a mailbox; a context manager that starts and stops them.

    Args:
        vendors: simulated vendors by plugin name.
        connections: names of connections by plugin name, for `environment`; the plugin's own name by default.
        port: HTTP port; 0 selects a free one.
        smtp_port: SMTP port; 0 selects a free one.
        product_url: address of the product on this machine, for `environment` and the form that simulates events.
        event_kinds: by plugin name, the event kinds that the form offers.
        faults: injected faults.
        stall_seconds: maximum wait of a request in a timeout fault.

    Raises:
        MailboxUnavailable: the extra ``sandbox`` is not installed.
    """

    def __init__(
        self,
        vendors: Mapping[str, SimulatedVendor],
        *,
        connections: Mapping[str, str] | None = None,
        port: int = 0,
        smtp_port: int = 0,
        product_url: str = DEFAULT_PRODUCT_URL,
        event_kinds: Mapping[str, Sequence[str]] | None = None,
        faults: FaultPlan | None = None,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self.vendors = dict(vendors)
        self._connections = dict(connections or {})
        self.product_url = product_url
        self.event_kinds = dict(event_kinds or {})
        self.faults = faults or FaultPlan()
        self.mailbox = SandboxMailbox(port=smtp_port, faults=self.faults, stall_seconds=stall_seconds)
        self._host = VendorServer(
            self.vendors, ControlApi(self).handle, port=port, faults=self.faults, stall_seconds=stall_seconds
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start both servers.

        Raises:
            OSError: a port is taken.
        """
        self._host.start()
        try:
            self.mailbox.start()
        except BaseException:
            self._host.stop()
            raise

    def stop(self) -> None:
        """Stop both servers and free their ports."""
        self.mailbox.stop()
        self._host.stop()

    @property
    def url(self) -> str:
        """Return the address of the sandbox's index page, without a trailing slash."""
        return self._host.url

    def base_url(self, name: str) -> str:
        """Return the base URL of a vendor's API."""
        return f"{self.url}/{name}"

    def connection_name(self, name: str) -> str:
        """Return the name of a vendor's connection in the configuration."""
        return self._connections.get(name, name)

    def environment(self) -> dict[str, str]:
        """Return environment variables that point the plugins' example configurations at the sandbox."""
        merged = self.product_environment()
        for name in self.vendors:
            merged |= self.environment_of(name)
        return merged

    def product_environment(self) -> dict[str, str]:
        """Return the part of `environment` that concerns no vendor.

        The product sends at any hour, and to the sandbox only: it gets a database of its own, so that nothing that
        waits in another one goes to simulated vendors.
        """
        return {
            "NPS_CONNECT_CORE__MODE": "live",
            "NPS_CONNECT_CORE__PUBLIC_URL": self.product_url,
            "NPS_CONNECT_CORE__LISTEN": self.product_url.removeprefix("http://"),
            "NPS_CONNECT_CORE__DATABASE_URL": f"sqlite:///{DATABASE_FILE}",
            "NPS_CONNECT_LIMITS__QUIET_HOURS": "off",
            "NPS_CONNECT_LIMITS__QUIET_DAYS": "[]",
            SMTP_URL_VARIABLE: self.mailbox.smtp_url,
        }

    def environment_of(self, name: str) -> dict[str, str]:
        """Return one vendor's part of `environment`."""
        return self.vendors[name].environment(self.base_url(name), self.connection_name(name))

    def addresses(self) -> dict[str, Any]:
        """Return everything that is needed to use the sandbox, as JSON-ready data."""
        return {
            "url": self.url,
            "state": f"{self.url}/_state",
            "smtp": {"host": "127.0.0.1", "port": self.mailbox.port, "url": self.mailbox.smtp_url},
            "product": {"url": self.product_url, "environment": self.product_environment()},
            "vendors": {
                name: {"base_url": self.base_url(name), "environment": self.environment_of(name)}
                for name in self.vendors
            },
            "environment": self.environment(),
        }

    def state(self) -> dict[str, Any]:
        """Return the content of every vendor and of the mailbox, as JSON-ready data."""
        return {
            "vendors": {name: vendor.state() for name, vendor in self.vendors.items()},
            "mailbox": [mail.as_json() for mail in self.mailbox.mails()],
            "faults": dict(self.faults.injected_counts()),
        }

    def effects(self, name: str) -> VendorEffects:
        """Return what is visible at one vendor."""
        return self.vendors[name].effects()

    def populate(self, people: Sequence[SimulatedPerson]) -> None:
        """Add people to every vendor."""
        for vendor in self.vendors.values():
            vendor.populate(people)

    def opt_out(self, email: str) -> None:
        """Record that a person opts out at every vendor."""
        for vendor in self.vendors.values():
            vendor.opt_out(email)
