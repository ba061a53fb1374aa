"""Parse what another tool kept with a response: tags, notes of staff, answers to further questions.

A cell is JSON, as APIs and our own export write it, or plain text.
"""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import Any

from nps_connect.rules.imports.cells import parse_moment
from nps_connect.sanitization import one_line, sanitize_comment

MAX_ITEMS = 100
"""Tags, notes or answers of one response; further ones are left out."""

MAX_TAG_LENGTH = 80
MAX_QUESTION_LENGTH = 300
NO_VALUES = frozenset({"", "[]", "null"})

_TAG_SEPARATOR = re.compile(r"[,;|]")
_TAG_KEYS = ("name", "text", "tag", "label")
_NOTE_KEYS = ("text", "content", "note", "body")
_NOTE_TIME_KEYS = ("at", "created_at", "date", "createdDate")
_VALUE_KEYS = ("free_response", "scale", "select_one", "select_many", "text", "label", "name", "answer", "value")


def parse_tags(text: str) -> list[str]:
    """Return the tags of a cell, each once, in their order."""
    items = _parse_list(text)
    names = _TAG_SEPARATOR.split(text) if items is None else [_first_text(item, _TAG_KEYS) for item in items]
    tags = (one_line(name, MAX_TAG_LENGTH) for name in names if name and name.strip())
    return list(dict.fromkeys(tags))[:MAX_ITEMS]


def parse_notes(text: str) -> list[dict[str, str]]:
    """Return the notes of a cell: `text`, and `at` (UTC) where the tool has it. Authors are left out."""
    items = _parse_list(text)
    notes = []
    for item in ([text] if items is None else items)[:MAX_ITEMS]:
        note = sanitize_comment(_first_text(item, _NOTE_KEYS))
        if note:
            moment = _parse_time(_first_text(item, _NOTE_TIME_KEYS)) if isinstance(item, dict) else None
            notes.append({"text": note, **({"at": moment} if moment else {})})
    return notes


def parse_answers(text: str) -> list[dict[str, str]]:
    """Return the answers of a cell as follow-up answers: `name`, `question`, `answer`. Unanswered ones are left out."""
    answers = []
    for item in (_parse_list(text) or [])[:MAX_ITEMS]:
        if not isinstance(item, dict):
            continue
        question = item.get("question", item.get("questionText"))
        label = _first_text(question, ("text", "name")) or ""
        identifier = question.get("id") if isinstance(question, dict) else item.get("name")
        answer = _first_text(item.get("value", item.get("answer")), _VALUE_KEYS)
        if answer:
            answers.append(build_answer(str(identifier or "imported"), label, answer))
    return [answer for answer in answers if answer["answer"]]


def build_answer(name: str, question: str, answer: str) -> dict[str, str]:
    """Return a follow-up answer as it is stored."""
    return {
        "name": one_line(name, MAX_TAG_LENGTH),
        "question": one_line(question or name, MAX_QUESTION_LENGTH),
        "answer": sanitize_comment(answer) or "",
    }


def _parse_list(text: str) -> list[Any] | None:
    """Return the items of a JSON list; None for plain text."""
    if text in NO_VALUES:
        return []
    if not text.startswith("["):
        return None
    try:
        items = json.loads(text)
    except ValueError:
        return None
    return items if isinstance(items, list) else None


def _first_text(value: Any, keys: tuple[str, ...]) -> str | None:  # noqa: ANN401  # any JSON value
    """Return the text of a value: of an object that of its first key with one, of a list those of its items."""
    if isinstance(value, dict):
        texts = (_first_text(value.get(key), keys) for key in keys)
        return next((text for text in texts if text), None)
    if isinstance(value, list):
        return ", ".join(text for item in value if (text := _first_text(item, keys))) or None
    return None if value is None or isinstance(value, bool) else str(value)


def _parse_time(text: str | None) -> str | None:
    try:
        return parse_moment(text or "", None, UTC).isoformat()
    except ValueError:
        return None
