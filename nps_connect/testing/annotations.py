"""Whether the annotations of a plugin's hooks agree with the hookspecs. Pure."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nps_connect.hookspecs.signatures import signatures
from nps_connect.hookspecs.validation import hook_functions


def annotation_problems(plugin: object) -> list[str]:
    """Where an annotation contradicts the hookspec, one sentence each.

    What is not annotated is not judged; an argument may be annotated wider and an answer narrower than the spec.
    """
    return [problem for name, function in hook_functions(plugin) for problem in _problems(name, function)]


def _problems(name: str, function: Any) -> Iterator[str]:  # noqa: ANN401  # whatever a plugin holds under that name
    spec = signatures().get(name)
    if spec is None:
        return
    try:
        hints = get_type_hints(inspect.unwrap(function))
    except (NameError, TypeError, AttributeError) as error:
        yield f"{name}: its annotations cannot be read ({error}); import their names outside of TYPE_CHECKING"
        return
    for parameter, declared in hints.items():
        if parameter == "return":
            if not is_narrower(declared, spec.returns):
                yield f"{name} is annotated to return {declared}, the hook returns {spec.returns}"
        elif parameter in spec.parameters and not is_narrower(spec.parameters[parameter], declared):
            yield f"{name} takes {parameter}: {declared}, the hook gives {spec.parameters[parameter]}"


def is_narrower(one: Any, other: Any) -> bool:  # noqa: ANN401  # annotations have no common type
    """Whether everything that `one` allows is allowed by `other`."""
    if one is Any or other in (Any, object) or one == other:
        return True
    if _is_union(one):
        return all(is_narrower(choice, other) for choice in get_args(one))
    if _is_union(other):
        return any(is_narrower(one, choice) for choice in get_args(other))
    if get_origin(one) is Literal:
        if get_origin(other) is Literal:
            return set(get_args(one)) <= set(get_args(other))
        return all(isinstance(value, other) for value in get_args(one))
    own, others = get_origin(one) or one, get_origin(other) or other
    if not (isinstance(own, type) and isinstance(others, type) and issubclass(own, others)):
        return False
    return all(is_narrower(*pair) for pair in zip(_type_arguments(one), _type_arguments(other), strict=False))


def _is_union(hint: object) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _type_arguments(hint: object) -> list[Any]:
    return [item for item in get_args(hint) if item is not Ellipsis]
