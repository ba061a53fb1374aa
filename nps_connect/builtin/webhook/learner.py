"""Mappings for example payloads as TOML for review, and webhooks signed as the source signs them."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Any

from pydantic import ValidationError

from nps_connect import MappingProposal
from nps_connect.builtin.webhook import standard_webhooks
from nps_connect.builtin.webhook.proposal import propose_mapping
from nps_connect.builtin.webhook.settings import MappingSettings, WebhookSettings
from nps_connect.builtin.webhook.signatures import sign_hmac


def propose_mappings(name: str, settings: WebhookSettings, samples: Mapping[str, Any]) -> MappingProposal:
    """Return mappings for example payloads, each form once, and the settings with them in place of the present ones.

    Args:
        name: of the connection.
        settings: its settings; the signature stays.
        samples: JSON content by the name of the file; names that are not absolute are kept as `sample`.

    Raises:
        ValueError: the connection has no signature.
    """
    if settings.incoming is None:
        raise ValueError(f"connection {name!r} has no table incoming.signature")
    tables: list[dict[str, Any]] = []
    sample_names: list[str] = []
    unread: list[str] = []
    for file, content in samples.items():
        proposed = propose_mapping(content)
        if proposed is None or not _is_valid(proposed):
            unread.append(file)
        elif proposed not in tables:
            tables.append(proposed)
            sample_names.append(file)
    order = sorted(range(len(tables)), key=lambda index: "when" not in tables[index])  # the first that applies is used
    mappings = tuple(MappingSettings.model_validate(tables[index]) for index in order)
    incoming = settings.incoming.model_copy(update={"mappings": mappings, "ignored": ()})
    toml = "\n".join(_render_mapping(name, _with_sample(tables[index], sample_names[index])) for index in order)
    return MappingProposal(settings=settings.model_copy(update={"incoming": incoming}), toml=toml, unread=tuple(unread))


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
            "webhook-signature": standard_webhooks.sign(secret, message_id, stamp, body),
        }
    digest = signature.prefix + sign_hmac(signature, secret, stamp, body)
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


def _render_mapping(name: str, table: Mapping[str, Any]) -> str:
    lines = [f"[[connections.{name}.incoming.mappings]]"]
    return "\n".join([*lines, *(f"{key} = {_render(value)}" for key, value in table.items())]) + "\n"


def _render(value: Any) -> str:  # noqa: ANN401  # TOML
    """Return a text or an inline table as TOML; JSON's texts are TOML's, but for the DEL character."""
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_render(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
