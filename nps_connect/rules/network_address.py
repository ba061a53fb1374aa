"""Shorten IP addresses, so that they identify a company's network and not one person's line."""

from __future__ import annotations

import ipaddress

NETWORK_PREFIX_BITS = {4: 24, 6: 48}
"""Bits of an IP address that are kept."""


def truncate_address(address: str | None) -> str | None:
    """Return the network of an IP address: 24 bits of IPv4, 48 of IPv6; None for anything else."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return None
    prefix = NETWORK_PREFIX_BITS[parsed.version]
    return str(ipaddress.ip_network(f"{parsed}/{prefix}", strict=False).network_address)
