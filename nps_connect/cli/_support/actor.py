"""The actor of the audit log for commands."""

from __future__ import annotations

import getpass
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nps_connect.ledger.audit_log import Actor


def current_actor() -> Actor:
    """Return the operating system's user, by number if it has no name."""
    from nps_connect.ledger.audit_log import Actor

    try:
        return Actor("cli", getpass.getuser())
    except (OSError, KeyError):
        return Actor("cli", f"uid {os.getuid()}")
