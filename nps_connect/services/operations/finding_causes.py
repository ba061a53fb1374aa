"""What causes findings, and where it is corrected: one finding for one cause, with the key and the variable."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from pydantic import BaseModel

from nps_connect.records.findings import Finding
from nps_connect.settings.key_paths import format_key_path
from nps_connect.settings.origins import Origins

CHECKED_BEFORE = ", checked "
"""In the text of a finding of an earlier check: its age follows."""

CONSEQUENCES = frozenset({"bounce-mailbox-unread", "circuit-open", "connection-failing"})
"""Kinds of what follows from an error whose own kind the check knows."""


def merge_same_causes(check: Sequence[Finding], in_ledger: Sequence[Finding]) -> list[Finding]:
    """Return findings of a check and of the ledger about one connection, those about one cause as one.

    The cause is the same if one text quotes the other, as a pause and a circuit breaker quote the error. The check
    knows the kind of the error and its fix; the ledger knows since when, and what is stopped.
    """
    merged, remaining = [], list(in_ledger)
    for finding in check:
        cause = finding.text.partition(CHECKED_BEFORE)[0]
        same = next((other for other in remaining if finding.severity == "error" and cause in other.text), None)
        if same is None:
            merged.append(finding)
            continue
        remaining.remove(same)
        is_consequence = same.id in CONSEQUENCES
        merged.append(same.model_copy(update={"id": finding.id, "fix": finding.fix}) if is_consequence else same)
    return [*merged, *remaining]


def name_settings(finding: Finding, connection: str, model: type[BaseModel], origins: Origins) -> Finding:
    """Return a plugin's finding whose fix names settings as the file does, and the variable or file that holds each.

    Only names of several words are settings without doubt: `sender` can be the sender of a mail.

    Args:
        finding: of the plugin.
        connection: name of the connection.
        model: of its settings.
        origins: where the values of the configuration come from.
    """
    names = "|".join(re.escape(name) for name in model.model_fields if "_" in name)
    if finding.fix is None or not names:
        return finding

    def spell_out(match: re.Match[str]) -> str:
        key_path = ("connections", connection, match[0])
        target = origins.reference(key_path)
        return format_key_path(key_path) + (f" ({target})" if target else "")

    return finding.model_copy(update={"fix": re.sub(rf"(?<![\w.])(?:{names})(?!\w)", spell_out, finding.fix)})


def list_secrets(origins: Origins, connection: str) -> tuple[str, ...]:
    """Return key and source of each value of a connection that comes from a variable or a secret file."""
    references = origins.references(("connections", connection))
    return tuple(f"{format_key_path(key_path[2:])} ({target})" for key_path, target in references.items())


def describe_credentials(connection: str, secrets: Collection[str]) -> str:
    """Return which credentials of a connection an operator can renew, and where they are set."""
    listed = f": {', '.join(secrets)}" if secrets else ""
    return f"the credentials of connections.{connection}{listed}"
