"""What an example payload is about: the value that names it, and the kind of event. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from nps_connect import WELL_KNOWN_EVENT_KINDS
from nps_connect.builtin.webhook.payload_paths import PathValue, split_words

TOPIC_NAMES = ("type", "event", "eventtype", "topic", "action", "triggerevent", "event_type", "eventname", "trigger")
STATE_NAMES = ("status", "state", "shipment_status", "payment_status", "fulfillment_status", "financial_status")
PART_WORDS = frozenset(
    {
        "line",
        "lines",
        "items",
        "products",
        "address",
        "shipping",
        "metadata",
        "tracking",
        "request",
        "customer",
        "payment",
    }
)
"""Names of parts of an object: their ids are not the object's."""

KIND_WORDS: Sequence[tuple[str, frozenset[str], frozenset[str]]] = (
    ("subscription.renewed", frozenset({"subscription"}), frozenset({"renewed", "renewal", "cycle"})),
    ("invoice.paid", frozenset({"invoice"}), frozenset({"paid", "settled"})),
    (
        "appointment.completed",
        frozenset({"appointment", "booking", "meeting", "invitee", "reservation", "visit"}),
        frozenset({"completed", "ended", "finished", "created", "attended"}),
    ),
    ("order.delivered", frozenset(), frozenset({"delivered"})),
    ("order.shipped", frozenset(), frozenset({"shipped", "fulfilled", "dispatched"})),
    ("order.completed", frozenset(), frozenset({"completed"})),
    ("order.paid", frozenset(), frozenset({"paid"})),
)
"""Kinds by the words of topic and state: a noun, if one is listed, and a verb."""


def find_topic(paths: Sequence[PathValue]) -> tuple[PathValue | None, PathValue | None]:
    """Return the value that names the kind of payload, and that of the object's state, if it says what happened."""
    texts = [path for path in paths if isinstance(path.value, str) and len(path.value) <= 60]
    top = min((len(path.steps) for path in texts), default=0)
    topics = [path for path in texts if path.name.lower() in TOPIC_NAMES and len(path.steps) == top]
    topic = next((path for path in topics if len(split_words(path.value)) > 1), None)
    states = [path for path in texts if "_".join(path.words) in STATE_NAMES and not PART_WORDS & set(path.parent_words)]
    verbs = {verb for _kind, _nouns, kind_verbs in KIND_WORDS for verb in kind_verbs}
    telling = [path for path in states if set(split_words(path.value)) & verbs]
    has_verb = topic is not None and bool(set(split_words(topic.value)) & verbs)
    return topic, None if has_verb or not telling else min(
        telling, key=lambda path: (_rank_kind(path), len(path.steps))
    )


def _rank_kind(state: PathValue) -> int:
    """Return how telling a state is: what comes later in the life of an order says more."""
    words = set(split_words(state.value))
    ranks = [rank for rank, (_kind, nouns, verbs) in enumerate(KIND_WORDS) if verbs & words and not nouns]
    return min(ranks, default=len(KIND_WORDS))


def find_kind(topic: PathValue | None, state: PathValue | None, paths: Sequence[PathValue]) -> str:
    """Return the kind of event that topic, state and names suggest; `order.completed` without any hint."""
    words = {word for path in (topic, state) if path is not None for word in split_words(path.value)}
    if topic is not None and topic.value in {kind.name for kind in WELL_KNOWN_EVENT_KINDS}:
        return str(topic.value)
    names = words | {word for path in paths for word in path.words if word in ("order", "delivered", "invoice")}
    for kind, nouns, verbs in KIND_WORDS:
        if verbs & (words or names) and (not nouns or nouns & names):
            return kind
    parts = re.findall(r"[a-z]+", topic.value.lower()) if topic is not None else []
    return f"{parts[0]}.{'_'.join(parts[1:])}" if len(parts) > 1 else "order.completed"
