"""Signatures of the hook specifications, and the check of a hook's result against them. Pure."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from nps_connect import hookspecs
from nps_connect.hookspecs.markers import PROJECT

HOOK_PREFIX = "nps_"


@dataclass(frozen=True)
class Signature:
    """The signature of a hook specification.

    Attributes:
        name: the hook's name.
        parameters: annotations by parameter name, in order.
        returns: annotation of the result; `NoneType` for hooks without one.
    """

    name: str
    parameters: Mapping[str, Any]
    returns: Any


@cache
def signatures() -> Mapping[str, Signature]:
    """Return the signature of every hook, by name."""
    signature_by_name: dict[str, Signature] = {}
    for module in hookspecs.HOOKSPEC_MODULES:
        for name, function in vars(module).items():
            if hasattr(function, f"{PROJECT}_spec"):
                hints = get_type_hints(function)
                returns = hints.pop("return")
                signature_by_name[name] = Signature(
                    name, {key: hints[key] for key in inspect.signature(function).parameters}, returns
                )
    return signature_by_name


def type_mismatch(answer: object, hint: object) -> str | None:
    """Return why a hook's result does not match an annotation; None if it does.

    Supports the annotations of hook specifications: classes, unions, `None` and sequences. Neither a text nor a
    generator (which would run outside of the call) counts as a sequence.
    """
    if hint is None or hint is types.NoneType:
        return None if answer is None else f"answered {_type_name(answer)} where nothing is expected"
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        matches = any(type_mismatch(answer, choice) is None for choice in get_args(hint))
        return None if matches else f"answered {_type_name(answer)}, expected {describe_type(hint)}"
    if origin is not None and issubclass(origin, Sequence):
        if not isinstance(answer, list | tuple):
            return f"answered {_type_name(answer)}, expected a list of {describe_type(get_args(hint)[0])}"
        item_by_type = {type(item): item for item in answer}  # one of each type: a batch holds hundreds of equal type
        wrong = [item for item in item_by_type.values() if type_mismatch(item, get_args(hint)[0])]
        return (
            f"answered a list holding {_type_name(wrong[0])}, expected {describe_type(get_args(hint)[0])}"
            if wrong
            else None
        )
    return None if isinstance(answer, hint) else f"answered {_type_name(answer)}, expected {describe_type(hint)}"  # type: ignore[arg-type]


def describe_type(hint: object) -> str:
    """Return an annotation as text for an error."""
    if hint is None or hint is types.NoneType:
        return "nothing"
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(describe_type(choice) for choice in get_args(hint))
    return getattr(hint, "__name__", str(hint))


def _type_name(answer: object) -> str:
    return "nothing" if answer is None else f"a {type(answer).__name__}"
