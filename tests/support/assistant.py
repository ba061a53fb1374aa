"""An assistant that calls tools in process, and what its calls may not change."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import text
from support.application import ApplicationHarness

from nps_connect.ledger.audit_log import Actor
from nps_connect.ledger.columns import Base
from nps_connect.records.api_results import ApiCaller
from nps_connect.services.assistants.tools import ToolRefused, call_tool

OPERATOR = Actor("cli", "anna")
WRITTEN_TABLES = {"approvals"}
"""All that a tool may write."""


class Assistant:
    """Calls the tools of an application with a key that has these scopes."""

    def __init__(self, application: ApplicationHarness, *scopes: str, name: str = "assistant") -> None:
        self.application, self.caller = application, ApiCaller(1, name, frozenset(scopes))

    def text(self, tool: str, **arguments: Any) -> str:
        """Return the result of a call as it is sent, or the refusal."""
        try:
            return call_tool(self.application.ctx, self.caller, tool, arguments)
        except ToolRefused as refusal:
            return json.dumps({"refused": str(refusal)})

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Return the result of a call, or its refusal as `refused`."""
        result: dict[str, Any] = json.loads(self.text(tool, **arguments))
        return result


def vendor_calls(application: ApplicationHarness) -> dict[str, Any]:
    """Return how often each fake vendor was called and looked at."""
    vendors = {name: getattr(application, name) for name in ("crm", "desk", "post", "bell", "stars")}
    calls: dict[str, Any] = {name: len(vendor.calls) for name, vendor in vendors.items()}
    return calls | {"looked": application.crm.looked, "looked_for": application.desk.looked_for}


def stored_rows(application: ApplicationHarness) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables but `WRITTEN_TABLES`."""
    with application.ledger.read() as session:
        return {
            name: sorted(map(tuple, session.connection().execute(text(f'SELECT * FROM "{name}"'))), key=repr)
            for name in Base.metadata.tables
            if name not in WRITTEN_TABLES
        }
