"""Mappings for example payloads as TOML for review, and webhooks signed as the source signs them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from nps_connect import MappingProposal, sign_standard_webhook
from nps_connect.builtin.webhook.events import read_payload
from nps_connect.builtin.webhook.mapping import Payload, is_met
from nps_connect.builtin.webhook.proposal import PayloadForm, find_forms, propose_mapping
from nps_connect.builtin.webhook.settings import (
    ConditionSettings,
    IncomingSettings,
    MappingSettings,
    WebhookSettings,
)
from nps_connect.builtin.webhook.signatures import sign_body

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def propose_mappings(name: str, settings: WebhookSettings, samples: Mapping[str, Any], zone: str) -> MappingProposal:
    """Return mappings for example payloads, each form once, and the settings with them in place of the present ones.

    Payloads that say that nothing happened, such as a cancellation, become a condition of `ignored`.

    Args:
        name: of the connection.
        settings: its settings; the signature stays.
        samples: JSON content by the name of the file; names that are not absolute are kept as `sample`.
        zone: IANA time zone that is proposed for times without an offset.

    Raises:
        ValueError: the connection has no signature.
    """
    if settings.incoming is None:
        raise ValueError(f"connection {name!r} has no table incoming.signature")
    forms: dict[tuple[str | None, str | None, bool], dict[str, PayloadForm]] = {}
    for file, content in samples.items():
        for form in find_forms(content):
            forms.setdefault((form.items, form.when, form.kind.is_unfinished), {})[file] = form
    tables: list[dict[str, Any]] = []
    ignored: list[dict[str, str]] = []
    texts: list[str] = []
    problems: list[str] = []
    remarks: list[str] = []
    unread: list[str] = []
    for (items, when, is_unfinished), form_by_file in forms.items():
        files, form = ", ".join(form_by_file), next(iter(form_by_file.values()))
        if is_unfinished and when is not None:
            ignored += [{"when": when}] if items is None else []
            remarks.append(f"{files}: {'ignored' if items is None else 'entries left out'} because of {when}")
            continue
        proposal = propose_mapping(form, [entry for other in form_by_file.values() for entry in other.entries], zone)
        problems += [f"{files}: {problem}" for problem in proposal.problems]
        remarks += [f"{files}: {remark}" for remark in proposal.remarks]
        if proposal.table is None or not _is_valid(proposal.table):
            unread += form_by_file
            continue
        notes = [*proposal.problems, *proposal.remarks]
        tables.append(proposal.table)
        texts.append(_render_table(name, "mappings", _with_sample(proposal.table, next(iter(form_by_file))), notes))
    order = sorted(range(len(tables)), key=lambda index: "when" not in tables[index])  # the first that applies is used
    mappings = tuple(MappingSettings.model_validate(tables[index]) for index in order)
    conditions = tuple(ConditionSettings.model_validate(table) for table in ignored)
    incoming = settings.incoming.model_copy(update={"mappings": mappings, "ignored": conditions})
    toml = "\n".join(
        [*(texts[index] for index in order), *(_render_table(name, "ignored", table) for table in ignored)]
    )
    read = {file: content for file, content in samples.items() if file not in unread}
    return MappingProposal(
        settings=settings.model_copy(update={"incoming": incoming}),
        toml=toml,
        unread=tuple(unread),
        problems=(*problems, *find_lost_entries(incoming, read)),
        remarks=tuple(remarks),
    )


def find_lost_entries(incoming: IncomingSettings, samples: Mapping[str, Any]) -> Iterator[str]:
    """Yield which payloads, or entries of their lists, no mapping reads, or become one event with another content."""
    origins: dict[str, tuple[str, Any]] = {}
    for file, content in samples.items():
        payload = Payload(content, {}, EPOCH)
        result = read_payload(incoming.mappings, payload, "sample")
        if not result.is_applied:
            if not any(is_met(condition, payload) for condition in incoming.ignored):
                yield f"{file}: no mapping reads it"
            continue
        if result.problems:
            yield f"{file}: {len(result.problems)} entries cannot be read: {result.problems[0]}"
        if result.entries > len(result.events):
            yield f"{file}: {result.entries} entries become {len(result.events)} events: object_id is not the entry's"
        for key, event in result.events.items():
            other, other_content = origins.setdefault(key, (file, content))
            if other_content != content:
                yield f"{other} and {file} become one event, {event.kind} {event.object_id}: the second is lost"


def sign_webhook(settings: WebhookSettings, body: bytes, at: datetime, is_forged: bool) -> dict[str, str]:
    """Return the headers with which the source sends a payload, names in lower case.

    Args:
        settings: of the connection.
        body: the payload.
        at: the moment of the signature.
        is_forged: sign with another secret.
    """
    if settings.incoming is None:
        return {}
    signature = settings.incoming.signature
    secret = signature.secrets[0].get_secret_value()
    if is_forged:
        secret = base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()
    stamp = str(int(at.timestamp()))
    if signature.scheme == "bearer":
        header = signature.header or "authorization"
        prefix = signature.prefix or ("Bearer " if header == "authorization" else "")
        return {header: prefix + secret.strip()}
    if signature.scheme == "standard-webhooks":
        message_id = "msg_" + hashlib.sha256(body).hexdigest()[:24]
        return {
            "webhook-id": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": sign_standard_webhook(secret, message_id, stamp, body),
        }
    digest = signature.prefix + sign_body(signature, secret, stamp, body)
    value = digest
    if signature.signature_element is not None:
        elements = {signature.timestamp_element: stamp} if signature.timestamp_element else {}
        elements[signature.signature_element] = digest
        value = ",".join(f"{element}={text}" for element, text in elements.items())
    headers = {signature.header or "": value}
    return headers | ({signature.timestamp_header: stamp} if signature.timestamp_header else {})


def _is_valid(table: Mapping[str, Any]) -> bool:
    try:
        MappingSettings.model_validate(table)
    except ValidationError:
        return False
    return True


def _with_sample(table: Mapping[str, Any], file: str) -> dict[str, Any]:
    return {**table} if PurePath(file).is_absolute() else {**table, "sample": file}


def _render_table(name: str, key: str, table: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    lines = [*(f"# review: {note}" for note in notes), f"[[connections.{name}.incoming.{key}]]"]
    return "\n".join([*lines, *(f"{key} = {_render(value)}" for key, value in table.items())]) + "\n"


def _render(value: Any) -> str:  # noqa: ANN401  # TOML
    """Return a text or an inline table as TOML; JSON's texts are TOML's, but for the DEL character."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_render(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
