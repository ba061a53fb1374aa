"""Signatures of the hook specifications, and checks of a plugin's hook functions that pluggy does not make. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, get_type_hints

from nps_connect import hookspecs
from nps_connect.hookspecs.markers import PROJECT

HOOK_PREFIX = "nps_"
IMPL_ATTRIBUTE = f"{PROJECT}_impl"
REQUIRED_HOOK = "nps_connector"


@dataclass(frozen=True)
class Signature:
    """The signature of a hook specification.

    Attributes:
        parameters: annotations by parameter name, in order.
        returns: annotation of the result; `NoneType` for hooks without one.
    """

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
                parameters = {key: hints[key] for key in inspect.signature(function).parameters}
                signature_by_name[name] = Signature(parameters, returns)
    return signature_by_name


def hook_functions(module: object) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the functions of a plugin that are marked as hooks or named like one.

    Hooks may be defined in submodules and imported into the plugin's namespace.
    """
    for name in dir(module):
        member = inspect.getattr_static(module, name, None)
        function = getattr(member, "__func__", member)
        if inspect.isfunction(function) and (name.startswith(HOOK_PREFIX) or hasattr(function, IMPL_ATTRIBUTE)):
            yield name, getattr(module, name)


def contract_problem(module: object) -> str | None:
    """Return the first reason not to load a plugin, with the function's name; None if there is none."""
    names = []
    for name, function in hook_functions(module):
        if _is_of_another_version(name, function):
            continue
        problem = _function_problem(name, function) or _argument_problem(name, function)
        if problem:
            return f"{name} {problem}"
        names.append(name)
    return None if REQUIRED_HOOK in names else f"lacks {REQUIRED_HOOK}"


def _is_of_another_version(name: str, function: Callable[..., Any]) -> bool:
    """Return whether a hook is marked as optional and unknown: that of another version of the plugin API."""
    return name not in signatures() and bool(getattr(function, IMPL_ATTRIBUTE, {}).get("optionalhook"))


def _function_problem(name: str, function: Callable[..., Any]) -> str | None:
    if name not in signatures():
        matches = get_close_matches(name, list(signatures()), n=1)
        return "is not a hook" + (f"; did you mean {matches[0]}?" if matches else "")
    options = getattr(function, IMPL_ATTRIBUTE, None)
    if options is None:
        return "is not marked with @hookimpl"
    if options.get("specname"):
        return "has a specname; a hook must have its own name"
    if options.get("wrapper") or options.get("hookwrapper"):
        return "is a wrapper; each plugin is called separately, so there is nothing to wrap"
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "is async; hooks are plain functions, called in worker threads"
    if inspect.isgeneratorfunction(function):
        return "is a generator; hooks return a list"
    return None


def _argument_problem(name: str, function: Callable[..., Any]) -> str | None:
    parameters = signatures()[name].parameters
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return f"takes {str(parameter).partition(':')[0]}; name the arguments that it uses"
        if parameter.name not in parameters:
            return f"takes {parameter.name!r}, which the hook does not have; it has: {', '.join(parameters) or 'none'}"
        if parameter.default is not parameter.empty:
            return f"has a default for {parameter.name!r}; pluggy's versions treat defaults differently"
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            return f"restricts how {parameter.name!r} is passed; use a plain argument"
    return None
