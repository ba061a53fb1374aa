"""The contract-test kit for plugins: an installable pytest plugin and what plugin tests need. Loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nps_connect.sandbox.vendor_transport import VendorTransport as VendorTransport
    from nps_connect.testing.contract import ConnectorContract as ConnectorContract
    from nps_connect.testing.fakes import START as START
    from nps_connect.testing.fakes import WEBHOOK_URL as WEBHOOK_URL
    from nps_connect.testing.fakes import FixedClock as FixedClock
    from nps_connect.testing.fakes import InMemoryTokenStore as InMemoryTokenStore
    from nps_connect.testing.fakes import connect as connect
    from nps_connect.testing.fakes import received_webhook as received_webhook
    from nps_connect.testing.faults import FAULT_CASES as FAULT_CASES
    from nps_connect.testing.faults import FaultCase as FaultCase
    from nps_connect.testing.faults import FaultTransport as FaultTransport
    from nps_connect.testing.harness import PluginHarness as PluginHarness
    from nps_connect.testing.quality import RULES as RULES
    from nps_connect.testing.quality import Rule as Rule
    from nps_connect.testing.samples import INES as INES
    from nps_connect.testing.samples import LEA as LEA
    from nps_connect.testing.samples import OMAR as OMAR
    from nps_connect.testing.samples import PEOPLE as PEOPLE
    from nps_connect.testing.webhook_checks import GoldenWebhook as GoldenWebhook

_HOME = {
    "harness": ("PluginHarness",),
    "contract": ("ConnectorContract",),
    "faults": ("FAULT_CASES", "FaultCase", "FaultTransport"),
    "quality": ("RULES", "Rule"),
    "samples": ("INES", "LEA", "OMAR", "PEOPLE"),
    "fakes": (
        "START",
        "WEBHOOK_URL",
        "FixedClock",
        "InMemoryTokenStore",
        "VendorTransport",
        "received_webhook",
        "connect",
    ),
    "webhook_checks": ("GoldenWebhook",),
}
_MODULE_OF = {name: f"nps_connect.testing.{module}" for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  # built from the table above


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'nps_connect.testing' has no attribute {name!r}")
    return getattr(import_module(module), name)
