"""Whether the result of a hook matches its specification. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from types import NoneType
from typing import Any, get_args, get_origin


def type_mismatch(result: object, hint: Any) -> str | None:  # noqa: ANN401  # annotations have no common type
    """Return why a hook's result does not match an annotation; None if it does.

    Supports the annotations of hook specifications: classes, unions, `None` and sequences of these. Neither a text nor
    a generator (which would run outside of the call) counts as a sequence.
    """
    if hint is NoneType:
        return None if result is None else f"answered {_type_name(result)} where nothing is expected"
    if get_origin(hint) is not Sequence:
        return None if isinstance(result, hint) else f"answered {_type_name(result)}, expected {_describe_type(hint)}"
    [item_hint] = get_args(hint)
    if not isinstance(result, list | tuple):
        return f"answered {_type_name(result)}, expected a list of {_describe_type(item_hint)}"
    for item in dict(zip(map(type, result), result, strict=True)).values():  # one of each type: a batch holds hundreds
        if not isinstance(item, item_hint):
            return f"answered a list holding {_type_name(item)}, expected {_describe_type(item_hint)}"
    return None


def _describe_type(hint: Any) -> str:  # noqa: ANN401
    return " or ".join("nothing" if kind is NoneType else kind.__name__ for kind in get_args(hint) or (hint,))


def _type_name(result: object) -> str:
    return "nothing" if result is None else f"a {type(result).__name__}"
