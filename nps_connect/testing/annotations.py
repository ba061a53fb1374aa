"""Compare the annotations of a plugin's hooks with the hookspecs. Pure."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from nps_connect.hookspecs.validation import hook_functions, signatures


def annotation_problems(plugin: object) -> list[str]:
    """Return where an annotation contradicts the hookspec, one sentence each.

    Missing annotations are not checked. A parameter may be annotated wider and a return type narrower than the spec.
    """
    return [problem for name, function in hook_functions(plugin) for problem in _problems(name, function)]


def _problems(name: str, function: Any) -> Iterator[str]:  # noqa: ANN401  # any object of the plugin's module
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
            yield f"{name} takes {parameter}: {declared}, the hook passes {spec.parameters[parameter]}"


def is_narrower(narrow: Any, wide: Any) -> bool:  # noqa: ANN401  # annotations have no common type
    """Return whether every value that `narrow` allows is allowed by `wide`."""
    if narrow is Any or wide in (Any, object) or narrow == wide:
        return True
    if _is_union(narrow):
        return all(is_narrower(choice, wide) for choice in get_args(narrow))
    if _is_union(wide):
        return any(is_narrower(narrow, choice) for choice in get_args(wide))
    if get_origin(narrow) is Literal:
        if get_origin(wide) is Literal:
            return set(get_args(narrow)) <= set(get_args(wide))
        return all(isinstance(value, wide) for value in get_args(narrow))
    narrow_class, wide_class = get_origin(narrow) or narrow, get_origin(wide) or wide
    if not (isinstance(narrow_class, type) and isinstance(wide_class, type) and issubclass(narrow_class, wide_class)):
        return False
    return all(is_narrower(*pair) for pair in zip(_type_arguments(narrow), _type_arguments(wide), strict=False))


def _is_union(hint: object) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _type_arguments(hint: object) -> list[Any]:
    return [argument for argument in get_args(hint) if argument is not Ellipsis]
