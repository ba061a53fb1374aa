"""The person of an example payload: address, id, name and language, from names and forms of values. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from nps_connect.builtin.webhook import values
from nps_connect.builtin.webhook.payload_paths import PathValue
from nps_connect.builtin.webhook.vocabulary import (
    CUSTOMER_WORDS,
    FIRST_NAMES,
    FULL_NAMES,
    ID_WORDS,
    LANGUAGE_WORDS,
    LAST_NAMES,
    STAFF_WORDS,
)


def score_email(path: PathValue) -> float:
    """Return how likely a value is the customer's address; 0 if it is none."""
    if values.as_email(path.value) is None:
        return 0
    words = {*path.words, *path.parent_words}
    return 10 + 5 * bool(words & CUSTOMER_WORDS) - 8 * bool(words & STAFF_WORDS) + 2 * (path.words == ("email",))


def build_person(email: PathValue, paths: Sequence[PathValue], object_id: PathValue) -> dict[str, str]:
    """Return the table `person` of a mapping.

    Args:
        email: the address.
        paths: the values of the entry.
        object_id: the object's id, which is not the person's.
    """
    person: dict[str, str] = {}
    ids = [(_score_id(path, email), path) for path in paths if path.steps != object_id.steps]
    rank, person_id = max(ids, key=lambda scored: scored[0], default=(0, email))
    if rank > 0:
        person["id"] = person_id.expression
    person["email"] = email.expression
    if (name := _find_name(email, paths)) is not None:
        person["name"] = name
    beside = [path for path in paths if path.steps[:-1] == email.steps[:-1]]
    languages = [path for path in [*beside, *paths] if LANGUAGE_WORDS & set(path.words)]
    language = next((path for path in languages if values.as_language(path.value)), None)
    return person | ({"language": language.expression} if language is not None else {})


def _score_id(path: PathValue, email: PathValue) -> int:
    words = set(path.words)
    if values.as_id(path.value) in (None, "0") or isinstance(path.value, float) or not ID_WORDS & words:
        return 0
    is_beside = path.steps[:-1] == email.steps[:-1]
    qualifiers = words - ID_WORDS - {"external"}
    if not qualifiers and path.table_words & CUSTOMER_WORDS:
        return 3 if is_beside else 1
    if qualifiers and qualifiers <= CUSTOMER_WORDS and not {"code", "number"} & words - path.table_words:
        return 4 if is_beside else 2
    if qualifiers and qualifiers <= path.table_words & CUSTOMER_WORDS:
        return 4
    return 0


def _find_name(email: PathValue, paths: Sequence[PathValue]) -> str | None:
    """Return the expression of the name that stands nearest to the address."""
    texts = [path for path in paths if values.as_name(path.value) and not any(map(str.isdigit, path.value))]
    texts = [path for path in texts if values.as_email(path.value) is None]
    for group in _group_by_nearness(email, texts):
        first = _first(group, FIRST_NAMES)
        last = next(filter(None, (_first(group, [words]) for words in LAST_NAMES)), None)
        if first is not None and last is not None:
            return f"[{first.expression}, {last.expression}]"
        full = next(filter(None, (_first(group, [words]) for words in FULL_NAMES)), None)
        if full is not None:
            return full.expression
    return None


def _group_by_nearness(email: PathValue, texts: Sequence[PathValue]) -> Iterator[list[PathValue]]:
    """Yield texts about the person: next to the address, in tables of it, and in tables of the customer elsewhere."""
    start = email.steps[:-2] if email.steps and isinstance(email.steps[-1], int) else email.steps[:-1]
    yield [path for path in texts if path.steps[:-1] == start]
    about = [path for path in texts if CUSTOMER_WORDS & path.table_words]
    yield [path for path in about if path.steps[: len(start)] == start]
    yield about


def _first(paths: Sequence[PathValue], names: Collection[tuple[str, ...]]) -> PathValue | None:
    """Return the first path with one of these names, whether or not it names the customer too."""
    return next((path for path in paths if _core_words(path) in names), None)


def _core_words(path: PathValue) -> tuple[str, ...]:
    return tuple(word for word in path.words if word not in CUSTOMER_WORDS)
