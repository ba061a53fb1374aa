"""Propose mappings for example payloads, from the names and forms of their values. Pure.

A proposal is for review: it guesses from the words of `vocabulary.py`, in English and French.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any

from nps_connect.builtin.webhook import values
from nps_connect.builtin.webhook.mapping import PAYLOAD_KEY
from nps_connect.builtin.webhook.payload_kind import PayloadKind, find_payload_kind
from nps_connect.builtin.webhook.payload_paths import PathValue, Steps, format_path, list_values
from nps_connect.builtin.webhook.proposed_person import build_person, score_email
from nps_connect.builtin.webhook.vocabulary import (
    ATTRIBUTE_WORDS,
    CONTAINER_WORDS,
    CUSTOMER_WORDS,
    FIELD_WORDS,
    ID_WORDS,
    LATER_MOMENT_WORDS,
    MOMENT_WORDS,
    NOUN_WORDS,
    PART_OF_TOTAL_WORDS,
    PART_WORDS,
    STAFF_WORDS,
    START_WORDS,
)

EPOCH_SECONDS = range(1_000_000_000, 10_000_000_000)
EPOCH_MILLISECONDS = range(1_000_000_000_000, 10_000_000_000_000)


@dataclass(frozen=True)
class PayloadForm:
    """An example payload, and what it is about.

    Attributes:
        items: expression of its list of entries; None if the payload is one entry.
        entries: the entries; the first is read for the proposal.
        kind: the kind of event, with the conditions.
    """

    items: str | None
    entries: tuple[Any, ...]
    kind: PayloadKind

    @property
    def when(self) -> str | None:
        """The conditions as an expression, which starts at an entry."""
        texts = [f"{path.expression} == {_literal(path.value)}" for path in self.kind.conditions]
        return " && ".join(texts) or None


@dataclass(frozen=True)
class Proposal:
    """A mapping for payloads of one form.

    Attributes:
        table: the table of the settings; None if the payload lacks what a mapping needs.
        problems: what is missing, or is a guess without any evidence.
        remarks: what is to be reviewed.
    """

    table: dict[str, Any] | None
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


def find_forms(content: Any) -> list[PayloadForm]:  # noqa: ANN401  # JSON
    """Return what a payload is about; of a list, the entries that say the same together."""
    items, entries = _find_entries(content)
    if items is None:
        paths = list_values(content)
        return [PayloadForm(None, entries, find_payload_kind(paths, paths))]
    outside = (
        {key: value for key, value in content.items() if not _is_batch(value)} if isinstance(content, dict) else {}
    )
    payload_paths = [PathValue((PAYLOAD_KEY, *path.steps), path.value) for path in list_values(outside)]
    form_by_when: dict[str | None, PayloadForm] = {}
    for entry in entries:
        paths = list_values(entry)
        form = PayloadForm(items, (entry,), find_payload_kind(payload_paths or paths, paths))
        same = form_by_when.get(form.when)
        form_by_when[form.when] = form if same is None else replace(same, entries=(*same.entries, entry))
    return list(form_by_when.values())


def propose_mapping(form: PayloadForm, entries: Sequence[Any], zone: str) -> Proposal:
    """Return a mapping for payloads of one form.

    Args:
        form: of the first payload.
        entries: the entries of all payloads of this form: an id differs between them.
        zone: IANA time zone that is proposed for times without an offset.
    """
    paths = list_values(form.entries[0])
    email = _best(paths, score_email)
    if email is None:
        return Proposal(None, ("no e-mail address was found; write the mapping by hand",))
    kind = form.kind.kind or "order.completed"
    noun = kind.partition(".")[0]
    constant = _find_constants(entries)
    candidates = [path for path in paths if path.steps not in constant]
    object_id = _best(candidates, lambda path: _score_object_id(path, email, noun))
    if object_id is None:
        return Proposal(
            None, ("no id of the object was found that differs between samples; write the mapping by hand",)
        )
    problems, remarks = _judge_kind(form, kind)
    mapping: dict[str, Any] = {"items": form.items} if form.items else {}
    if form.when is not None:
        mapping["when"] = form.when
    mapping |= {"kind": kind, "object_id": object_id.expression}
    if kind == "subscription.renewed":
        period = _best(paths, _score_period)
        if period is None:
            return Proposal(None, ("no start of the renewed period was found; write the mapping by hand",))
        mapping["occurrence"] = period.expression
    moment = _best(paths, lambda path: _score_moment(path, kind.partition(".")[2], has_state=form.kind.has_state))
    if moment is None:
        problems.append("no moment was found, so that the moment of receipt is used: set occurred_at")
    elif values.as_moment(moment.value, None) is not None:
        mapping["occurred_at"] = moment.expression
    else:
        is_utc = bool({"gmt", "utc"} & set(moment.words))
        mapping["occurred_at"] = {"expression": moment.expression, "zone": "UTC" if is_utc else zone}
        if not is_utc:
            remarks.append(f"{moment.expression} has no offset; its zone {zone} is a guess")
    mapping["person"] = build_person(email, paths, object_id)
    fields = _build_fields(paths, email)
    return Proposal(mapping | ({"fields": fields} if fields else {}), tuple(problems), tuple(remarks))


def _judge_kind(form: PayloadForm, kind: str) -> tuple[list[str], list[str]]:
    """Return the problems and the remarks about a kind of event."""
    if form.kind.kind is None:
        return [f"nothing says what happened; the kind {kind} is a guess: choose kind and when"], []
    if form.when is None:
        return [f"the kind {kind} has no condition, so that every payload is read as one: set when or headers"], []
    return [], []


def _find_entries(content: Any) -> tuple[str | None, tuple[Any, ...]]:  # noqa: ANN401  # JSON
    """Return the expression of the list, if the payload has one with people, and what expressions start at."""
    if isinstance(content, list):
        return "@", tuple(content) or ({},)
    if not isinstance(content, dict) or _has_email(list_values({k: v for k, v in content.items() if not _is_batch(v)})):
        return None, (content,)
    batches = [(key, value) for key, value in content.items() if _is_batch(value) and _has_email(list_values(value[0]))]
    if not batches:
        return None, (content,)
    key, batch = batches[0]
    return format_path((key,)), tuple(batch)


def _is_batch(value: Any) -> bool:  # noqa: ANN401  # JSON
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _has_email(paths: Iterable[PathValue]) -> bool:
    return any(values.as_email(path.value) for path in paths)


def _find_constants(entries: Sequence[Any]) -> set[Steps]:
    """Return the paths whose value is the same in several different entries: no id of theirs."""
    values_by_steps: dict[Steps, list[str]] = {}
    for entry in {repr(entry): entry for entry in entries}.values():
        for path in list_values(entry):
            values_by_steps.setdefault(path.steps, []).append(repr(path.value))
    return {steps for steps, texts in values_by_steps.items() if len(texts) > len(set(texts))}


def _best(paths: Sequence[PathValue], score: Callable[[PathValue], float]) -> PathValue | None:
    """Return the path with the highest score above zero, the first of equals."""
    scored = [(score(path), -len(path.steps), -index, path) for index, path in enumerate(paths)]
    usable = [entry for entry in scored if entry[0] > 0]
    return max(usable, key=lambda entry: entry[:3])[3] if usable else None


def _score_object_id(path: PathValue, email: PathValue, noun: str) -> float:
    if values.as_id(path.value) is None or isinstance(path.value, float) or path is email:
        return 0
    words, parents = set(path.words), set(path.parent_words)
    is_in_table_of_person = (
        len(email.steps) > 1
        and path.steps[:-1] == email.steps[:-1]
        and not path.table_words & (CONTAINER_WORDS | NOUN_WORDS.get(noun, frozenset()))
    )
    is_of_person = is_in_table_of_person or words & CUSTOMER_WORDS or path.table_words & CUSTOMER_WORDS
    if not ID_WORDS & words or (words | path.table_words) & ATTRIBUTE_WORDS or is_of_person:
        return 0
    nouns = NOUN_WORDS.get(noun, frozenset({noun}))
    qualifiers = words - ID_WORDS - path.table_words  # `claim.claimNumber` is the claim's
    score = 12.0
    if not qualifiers:
        score += 8 if path.table_words & nouns else 4 if path.table_words & CONTAINER_WORDS else 0 if parents else 2
    elif qualifiers & nouns:
        score += 5 if {"id", "no", "numero"} & words else -1
    else:
        score += 2 if any(qualifiers & noun_words for noun_words in NOUN_WORDS.values()) else -8
    if parents & PART_WORDS or parents & STAFF_WORDS or parents & {"attendees", "event"}:
        score -= 8
    if 0 in path.steps:
        score -= 10
    return score - {"number": 2, "reference": 1, "code": 4}.get(path.words[-1], 0)


def _score_period(path: PathValue) -> float:
    words = {*path.words, *path.table_words}
    is_period = bool({"period", "term"} & words) and bool({"start", "begin"} & words)
    return 10 if is_period and values.as_text(path.value) else 0


def _score_moment(path: PathValue, verb: str, *, has_state: bool) -> float:
    if isinstance(path.value, bool) or values.as_moment(path.value, "UTC") is None:
        return 0
    is_number = isinstance(path.value, int | float)
    if is_number and int(path.value) not in EPOCH_SECONDS and int(path.value) not in EPOCH_MILLISECONDS:
        return 0
    words = set(path.words)
    score = 0.0 if START_WORDS & words else _score_moment_words(words, verb, has_state=has_state)
    if not score:
        return 0
    has_offset = values.as_moment(path.value, None) is not None
    return score - 15 * (0 in path.steps) + 2 * has_offset + 3 * bool({"gmt", "utc"} & words)


def _score_moment_words(words: AbstractSet[str], verb: str, *, has_state: bool) -> float:
    """Return how telling a moment's name is: the verb first, the record's last; a state is reached by an update."""
    if words & set(MOMENT_WORDS.get(verb, (verb,))):
        return 50
    if words & {word for moment_words in MOMENT_WORDS.values() for word in moment_words}:
        return 28
    if has_state and {"updated", "modified"} & words:
        return 25
    later = next((rank for rank, word in enumerate(LATER_MOMENT_WORDS) if word in words), None)
    return 20 - later if later is not None else 5.0 * bool({"at", "on"} & words)


def _build_fields(paths: Sequence[PathValue], email: PathValue) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, words in FIELD_WORDS.items():
        named = [path for path in paths if set(words) & {*path.words, *path.table_words} and path is not email]
        fits = [path for path in named if not {"line", "lines", "items"} & set(path.parent_words) and _fits(path, name)]
        if not fits:
            continue
        best = min(fits, key=lambda path: _field_rank(path, words))
        fields[name] = {"expression": best.expression, "type": "number"} if name == "total" else best.expression
    return fields


def _fits(path: PathValue, name: str) -> bool:
    """Whether a value can be this field: amounts in texts have decimals, countries are codes."""
    if name == "country":
        return isinstance(path.value, str) and len(path.value) in (2, 3)
    if name == "total":
        is_amount = not isinstance(path.value, str) or "." in path.value
        return is_amount and values.as_field(path.value, "number") is not None
    return values.as_field(path.value, "text") is not None


def _field_rank(path: PathValue, words: Sequence[str]) -> tuple[bool, bool, int]:
    """Return the order of candidates: named itself, not a part of the total, near the top."""
    return (not set(words) & set(path.words), bool(PART_OF_TOTAL_WORDS & set(path.words)), len(path.steps))


def _literal(value: object) -> str:
    return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
