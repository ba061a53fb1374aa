"""Reads the notifications that cloud mailers send as JSON in a mail, perhaps inside an envelope. Pure.

Such a mailer replaces the Message-ID of the mail that it sends, so its reports do not name ours; the notification does,
among the original headers.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from nps_connect.builtin.email.report_message import ReportMessage


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class JsonRecipient(_Part):
    """A recipient whose mail came back, or who complained."""

    email_address: str
    status: str = ""
    diagnostic_code: str = ""


class _Bounce(_Part):
    bounced_recipients: list[JsonRecipient]


class _Complaint(_Part):
    complained_recipients: list[JsonRecipient]
    complaint_feedback_type: str | None = None


class _CommonHeaders(_Part):
    message_id: str | None = None


class _Mail(_Part):
    common_headers: _CommonHeaders = Field(default_factory=_CommonHeaders)


class JsonNotification(_Part):
    """A notification of a bounce, a complaint, or neither.

    Attributes:
        mail: names the Message-ID that the mail had when we sent it.
    """

    mail: _Mail
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None


def load_notification(report: ReportMessage) -> JsonNotification | None:
    """Return the notification in a mail, or None if there is none."""
    text = report.text()
    content = _decode(text[text.find("{") :])
    if isinstance(content, dict) and isinstance(content.get("Message"), str):
        content = _decode(content["Message"])
    try:
        return JsonNotification.model_validate(content)
    except ValidationError:
        return None


def _decode(text: str) -> Any:  # noqa: ANN401  # validated by the caller
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None
