"""Propose mappings for example payloads, from the names and forms of their values. Pure.

A proposal is for review: it guesses from words such as ``customer``, ``delivered`` or ``total``, in English.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nps_connect.builtin.webhook import values
from nps_connect.builtin.webhook.payload_kind import PART_WORDS, find_kind, find_topic
from nps_connect.builtin.webhook.payload_paths import PathValue, format_path, list_values

CUSTOMER_WORDS = frozenset(
    {
        "customer",
        "buyer",
        "billing",
        "client",
        "invitee",
        "attendee",
        "attendees",
        "recipient",
        "contact",
        "user",
        "payer",
    }
)
STAFF_WORDS = frozenset(
    {
        "seller",
        "merchant",
        "host",
        "organizer",
        "owner",
        "staff",
        "agent",
        "support",
        "sender",
        "from",
        "created",
        "shop",
    }
)
ID_WORDS = frozenset({"id", "uuid", "uid", "uri", "reference", "ref", "number", "no", "code"})

MOMENT_WORDS = ("delivered", "delivery", "completed", "ended", "end", "paid", "renewed", "processed", "occurred")
"""Words of the moment at which something became true, the most telling first."""

LATER_MOMENT_WORDS = ("timestamp", "created", "date", "time", "updated", "modified")
FIELD_WORDS: Mapping[str, tuple[str, ...]] = {
    "total": ("total", "amount"),
    "currency": ("currency",),
    "country": ("country",),
    "location": ("location", "store", "branch"),
    "service": ("service",),
    "plan": ("plan",),
}


def propose_mapping(content: Any) -> dict[str, Any] | None:  # noqa: ANN401  # JSON
    """Return a mapping for a payload, as a table of the settings; None if it names no person or no object."""
    entry, items = _find_entry(content)
    paths = list_values(entry)
    topic, state = find_topic(list_values(content) if items is None else paths)
    kind = find_kind(topic, state, paths)
    email = _best(paths, _score_email)
    if email is None:
        return None
    object_id = _best(paths, lambda path: _score_object_id(path, email, kind.partition(".")[0]))
    if object_id is None:
        return None
    mapping: dict[str, Any] = {}
    conditions = [f"{path.expression} == {_literal(path.value)}" for path in (topic, state) if path is not None]
    if conditions and items is None:
        mapping["when"] = " && ".join(conditions)
    if items is not None:
        mapping["items"] = items
    mapping |= {"kind": kind, "object_id": object_id.expression}
    if kind == "subscription.renewed":
        period = _best(paths, _score_period)
        if period is None:
            return None
        mapping["occurrence"] = period.expression
    moment = _best(paths, lambda path: _score_moment(path, kind, is_state=state is not None))
    if moment is not None:
        has_offset = values.as_moment(moment.value, None) is not None
        zoned = {"expression": moment.expression, "zone": "UTC"}
        mapping["occurred_at"] = moment.expression if has_offset else zoned
    mapping["person"] = _build_person(email, paths)
    fields = _build_fields(paths, email)
    return mapping | ({"fields": fields} if fields else {})


def _find_entry(content: Any) -> tuple[Any, str | None]:  # noqa: ANN401  # JSON
    """Return what expressions start at, and the expression of the list if the payload is a list of entries."""
    if isinstance(content, list):
        return (content[0] if content else {}), "@"
    if not isinstance(content, dict) or _has_email(list_values({k: v for k, v in content.items() if not _is_batch(v)})):
        return content, None
    batches = [(key, value) for key, value in content.items() if _is_batch(value) and _has_email(list_values(value[0]))]
    if not batches:
        return content, None
    key, batch = batches[0]
    return batch[0], format_path((key,))


def _is_batch(value: Any) -> bool:  # noqa: ANN401  # JSON
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _has_email(paths: Iterable[PathValue]) -> bool:
    return any(values.as_email(path.value) for path in paths)


def _best(paths: Sequence[PathValue], score: Callable[[PathValue], float]) -> PathValue | None:
    """Return the path with the highest score above zero, the first of equals."""
    scored = [(score(path), -len(path.steps), -index, path) for index, path in enumerate(paths)]
    usable = [entry for entry in scored if entry[0] > 0]
    return max(usable, key=lambda entry: entry[:3])[3] if usable else None


def _score_email(path: PathValue) -> float:
    if values.as_email(path.value) is None:
        return 0
    words = {*path.words, *path.parent_words}
    return 10 + 5 * bool(words & CUSTOMER_WORDS) - 8 * bool(words & STAFF_WORDS) + 2 * (path.words == ("email",))


def _score_object_id(path: PathValue, email: PathValue, noun: str) -> float:
    if values.as_id(path.value) is None or isinstance(path.value, float):
        return 0
    words, parents = path.words, set(path.parent_words)
    if not ID_WORDS & set(words):
        return 0
    score = 10.0 + 5 * (noun in parents or (noun in words and words[-1] == "id"))
    if words[0] in ("order", "invoice", "booking", "appointment", "subscription") and len(words) == 2:
        score += 6 if words[1] == "id" else 1
    elif len(words) > 1:
        score -= 6  # the id of something else, such as parent_id
    if parents & PART_WORDS or parents & STAFF_WORDS or parents & {"attendees", "event"}:
        score -= 8
    if parents & {"order", "invoice", "booking", "appointment", "parcel", "object", "payload"}:
        score += 4
    if 0 in path.steps:
        score -= 12
    if path.steps[:-1] == email.steps[:-1] and set(path.parent_words) & CUSTOMER_WORDS:
        score -= 8
    return score - {"number": 2, "no": 2, "reference": 1, "code": 4}.get(words[-1], 0)


def _score_period(path: PathValue) -> float:
    words = {*path.words, *path.parent_words[-1:]}
    is_period = bool({"period", "term"} & words) and bool({"start", "begin"} & words)
    return 10 if is_period and values.as_text(path.value) else 0


def _score_moment(path: PathValue, kind: str, *, is_state: bool) -> float:
    if isinstance(path.value, bool) or values.as_moment(path.value, "UTC") is None:
        return 0
    is_number = isinstance(path.value, int | float)
    if is_number and not 1_000_000_000 <= path.value < 10_000_000_000_000:
        return 0
    words = set(path.words)
    if {"period", "term", "start"} & {*words, *path.parent_words[-1:]}:
        return 0
    score = 5.0 * bool(is_state and {"updated", "modified"} & words)
    for rank, word in enumerate((*MOMENT_WORDS, *LATER_MOMENT_WORDS)):
        if word in words:
            score = max(score, score + 30.0 - rank)
            break
    if not score:
        score = 5.0 * bool(not is_number and {"at", "on", "date", "time"} & words)
    if not score:
        return 0
    if kind.rpartition(".")[2] in words:
        score += 20
    has_offset = values.as_moment(path.value, None) is not None
    return score + 2 * has_offset + 3 * bool({"gmt", "utc"} & words)


def _build_person(email: PathValue, paths: Sequence[PathValue]) -> dict[str, str]:
    person = {"email": email.expression}
    beside = [path for path in paths if path.steps[:-1] == email.steps[:-1] and isinstance(path.value, str)]
    prefix = email.words[:-1]
    by_words = {path.words: path for path in [*_near(paths, email), *beside] if not re.search(r"[0-9]", path.value)}
    full = next(
        (by_words[words] for words in ((*prefix, "name"), ("name",), ("full", "name")) if words in by_words), None
    )
    first, last = by_words.get(("first", "name")), by_words.get(("last", "name"))
    if first is not None and last is not None:
        person["name"] = f"[{first.expression}, {last.expression}]"
    elif full is not None:
        person["name"] = full.expression
    languages = [path for path in [*beside, *paths] if {"locale", "language", "lang"} & set(path.words)]
    language = next((path for path in languages if values.as_language(path.value)), None)
    return person | ({"language": language.expression} if language is not None else {})


def _near(paths: Sequence[PathValue], email: PathValue) -> list[PathValue]:
    """Return the texts of tables that describe the customer, next to the one with the address."""
    start = email.steps[:-1]
    return [
        path
        for path in paths
        if isinstance(path.value, str)
        and path.steps[: len(start)] == start
        and CUSTOMER_WORDS & set(path.parent_words[-1:])
    ]


def _build_fields(paths: Sequence[PathValue], email: PathValue) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, words in FIELD_WORDS.items():
        named = [path for path in paths if set(words) & {*path.words, *path.parent_words[-1:]} and path is not email]
        fits = [path for path in named if not {"line", "lines", "items"} & set(path.parent_words) and _fits(path, name)]
        if not fits:
            continue
        best = min(fits, key=lambda path: _field_rank(path, words))
        fields[name] = {"expression": best.expression, "type": "number"} if name == "total" else best.expression
    return fields


def _fits(path: PathValue, name: str) -> bool:
    """Whether a value can be this field: amounts in texts have decimals, countries are codes of two letters."""
    if name == "country":
        return isinstance(path.value, str) and len(path.value) == 2
    if name == "total":
        is_amount = not isinstance(path.value, str) or "." in path.value
        return is_amount and values.as_field(path.value, "number") is not None
    return values.as_field(path.value, "text") is not None


def _field_rank(path: PathValue, words: Sequence[str]) -> tuple[bool, bool, int]:
    """Return the order of candidates: named itself, not a part of the total, near the top."""
    return (not set(words) & set(path.words), _is_part_of_total(path), len(path.steps))


def _is_part_of_total(path: PathValue) -> bool:
    return bool({"subtotal", "sub", "due", "tax", "discount", "shipping", "tip"} & set(path.words))


def _literal(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
