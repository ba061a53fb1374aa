"""What an example payload is about: the values that name it, and the kind of event. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nps_connect import WELL_KNOWN_EVENT_KINDS
from nps_connect.builtin.webhook.payload_paths import PathValue, split_words
from nps_connect.builtin.webhook.vocabulary import (
    GENERIC_WORDS,
    NOUN_WORDS,
    PART_WORDS,
    STATE_WORDS,
    TOPIC_NAMES,
    UNFINISHED_WORDS,
    VERB_WORDS,
)

MAX_LABEL_LENGTH = 60
_KIND = re.compile(r"[a-z_]+\.[a-z_]+")


@dataclass(frozen=True)
class PayloadKind:
    """What an example payload says that happened.

    Attributes:
        kind: the kind of event; None if the payload does not say what happened.
        conditions: the values that say it.
        is_unfinished: they say that nothing happened for which somebody is surveyed, such as a cancellation.
    """

    kind: str | None
    conditions: tuple[PathValue, ...]
    is_unfinished: bool = False

    @property
    def has_state(self) -> bool:
        """Whether the state of the object is one of the conditions."""
        return any(_is_state(path) for path in self.conditions)


def find_payload_kind(payload_paths: Sequence[PathValue], entry_paths: Sequence[PathValue]) -> PayloadKind:
    """Return the kind of a payload.

    Args:
        payload_paths: the values of the payload outside of the list of entries, if it has one.
        entry_paths: those of the entry that is read; the same for a payload without a list.
    """
    topics = _find_topics(payload_paths)
    states = _find_states(entry_paths)
    topic_words = [word for path in topics for word in split_words(path.value)]
    state = _most_telling(states)
    is_topic_enough = _find_verb(topic_words) is not None or bool(UNFINISHED_WORDS & set(topic_words)) or state is None
    conditions = topics if is_topic_enough or state is None else [*topics, state]
    words = [*topic_words, *(split_words(state.value) if state in conditions and state is not None else ())]
    if set(words) & UNFINISHED_WORDS:
        return PayloadKind(None, tuple(conditions), is_unfinished=True)
    return PayloadKind(_name_kind(topics, words, entry_paths), tuple(conditions))


def _find_topics(paths: Sequence[PathValue]) -> list[PathValue]:
    texts = [path for path in paths if isinstance(path.value, str) and len(path.value) <= MAX_LABEL_LENGTH]
    named = [path for path in texts if path.name.lower() in TOPIC_NAMES]
    top = min((len(path.steps) for path in texts), default=0)
    return [path for path in named if len(path.steps) == top]


def _find_states(paths: Sequence[PathValue]) -> list[PathValue]:
    return [
        path
        for path in paths
        if isinstance(path.value, str)
        and len(path.value) <= MAX_LABEL_LENGTH
        and _is_state(path)
        and not PART_WORDS & set(path.parent_words)
        and 0 not in path.steps[:-1]
    ]


def _is_state(path: PathValue) -> bool:
    return bool(STATE_WORDS & {*path.words[-1:], *path.table_words})


def _is_unfinished(path: PathValue) -> bool:
    return bool(set(split_words(path.value)) & UNFINISHED_WORDS)


def _most_telling(states: Sequence[PathValue]) -> PathValue | None:
    """Return the state that says most: a cancellation, then what comes latest in the life of an object."""

    def rank(path: PathValue) -> tuple[bool, int, int]:
        verb = _find_verb(split_words(path.value))
        verbs = [*VERB_WORDS, "checked_out", None]
        return (not _is_unfinished(path), verbs.index(verb), len(path.steps))

    return min(states, key=rank, default=None)


def _find_verb(words: Sequence[str]) -> str | None:
    if {"checked", "out"} <= set(words) or "checkedout" in words:
        return "checked_out"
    return next((verb for verb, verb_words in VERB_WORDS.items() if verb_words & set(words)), None)


def _find_noun(words: Sequence[str]) -> str | None:
    return next((noun for noun, noun_words in NOUN_WORDS.items() if noun_words & set(words)), None)


def _name_kind(topics: Sequence[PathValue], words: Sequence[str], paths: Sequence[PathValue]) -> str | None:
    well_known = {kind.name for kind in WELL_KNOWN_EVENT_KINDS}
    if exact := next((path.value for path in topics if path.value in well_known), None):
        return str(exact)
    verb = _find_verb(words) or _find_verb([word for path in paths for word in path.words if word == "delivered"])
    names = [word for path in paths if len(path.steps) <= 3 for word in (*path.words, *path.table_words)]
    noun = _find_noun(words) or _find_noun(names)
    if "invitee" in words and "created" in words:
        return "appointment.completed"
    match verb:
        case "checked_out":
            return "stay.completed"
        case "delivered" | "shipped":
            return f"order.{verb}"
        case "renewed":
            return "subscription.renewed"
        case "paid":
            return "invoice.paid" if noun == "invoice" else "order.paid"
        case "completed" if noun is not None:
            return f"{noun if noun not in ('invoice', 'subscription', 'stay') else 'order'}.completed"
    parts = [part for path in topics for part in split_words(path.value) if part.isalpha()]
    if verb == "completed" and len(parts) < 2:
        return "order.completed"
    kind = f"{parts[0]}.{'_'.join(parts[1:])}" if len(parts) > 1 and not GENERIC_WORDS & set(parts) else ""
    return kind if _KIND.fullmatch(kind) else None
