"""Whether a plugin's functions are hooks that can be called: what pluggy itself accepts in silence. Pure."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from typing import Any

from nps_connect.hookspecs.markers import PROJECT
from nps_connect.hookspecs.signatures import HOOK_PREFIX, signatures

IMPL_ATTRIBUTE = f"{PROJECT}_impl"
REQUIRED_HOOK = "nps_connector"


def hook_functions(module: object) -> Iterator[tuple[str, Callable[..., Any]]]:
    """The functions of a plugin that are marked as hooks or named like one.

    Hooks may live in submodules and be imported into the plugin's own namespace.
    """
    for name in dir(module):
        found = inspect.getattr_static(module, name, None)
        function = getattr(found, "__func__", found)
        if inspect.isfunction(function) and (name.startswith(HOOK_PREFIX) or hasattr(function, IMPL_ATTRIBUTE)):
            yield name, getattr(module, name)


def contract_problem(module: object) -> str | None:
    """Why a plugin must not be loaded, or none: the first problem found, naming the function."""
    names = []
    for name, function in hook_functions(module):
        problem = _name_problem(name, function) or _kind_problem(function) or _argument_problem(name, function)
        if problem:
            return f"{name} {problem}"
        names.append(name)
    return None if REQUIRED_HOOK in names else f"lacks {REQUIRED_HOOK}"


def _name_problem(name: str, function: Callable[..., Any]) -> str | None:
    if name not in signatures():
        near = get_close_matches(name, list(signatures()), n=1)
        return "is not a hook" + (f"; did you mean {near[0]}?" if near else "")
    options = getattr(function, IMPL_ATTRIBUTE, None)
    if options is None:
        return "is not marked with @hookimpl"
    if options.get("specname"):
        return "has a specname; a hook goes by its own name"
    if options.get("wrapper") or options.get("hookwrapper"):
        return "is a wrapper; every plugin is called alone, there is nothing to wrap"
    return None


def _kind_problem(function: Callable[..., Any]) -> str | None:
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        return "is async; hooks are plain functions, concurrency lives in the worker's threads"
    if inspect.isgeneratorfunction(function):
        return "is a generator; hooks return a list"
    return None


def _argument_problem(name: str, function: Callable[..., Any]) -> str | None:
    known = signatures()[name].parameters
    for parameter in inspect.signature(function).parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            return f"takes {str(parameter).partition(':')[0]}; name the arguments that it uses"
        if parameter.name not in known:
            return f"takes {parameter.name!r}, which the hook does not have; it has: {', '.join(known) or 'none'}"
        if parameter.default is not parameter.empty:
            return f"has a default for {parameter.name!r}; pluggy's versions treat defaults differently"
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD:
            return f"restricts how {parameter.name!r} is passed; use a plain argument"
    return None
