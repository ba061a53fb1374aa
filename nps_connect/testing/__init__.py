"""The contract-test kit for plugins: an installable pytest plugin and what plugin tests need. Loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nps_connect.testing.vendor import START as START
    from nps_connect.testing.vendor import FixedClock as FixedClock
    from nps_connect.testing.vendor import MemoryTokens as MemoryTokens
    from nps_connect.testing.vendor import VendorTransport as VendorTransport
    from nps_connect.testing.vendor import connect as connect

_HOME = {
    "vendor": ("START", "FixedClock", "MemoryTokens", "VendorTransport", "connect"),
}
_MODULE_OF = {name: f"nps_connect.testing.{module}" for module, names in _HOME.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605  # built from the table above


def __getattr__(name: str) -> object:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'nps_connect.testing' has no attribute {name!r}")
    return getattr(import_module(module), name)
