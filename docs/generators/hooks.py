"""The page of all hooks."""

from __future__ import annotations

import inspect
from types import FunctionType, ModuleType

from generators.docstrings import parse_docstring
from nps_connect.hookspecs import HOOKSPEC_MODULES, PROJECT

INTRODUCTION = """# Hooks

Everything that a plugin can do. A plugin is a module (or package) that implements some of these functions, marked with
`@hookimpl`, and is found by an entry point in the group `nps_connect`. All names that it needs come from `nps_connect`
itself. Hooks are plain functions: no `async def`, no default arguments. An implementation may take fewer arguments than
are listed here, never more. Which of them raise what is said at each; the [errors](errors.md) are named by what happens
next."""


def render_page() -> str:
    """The page as Markdown, in the order of the walk."""
    found = [(module, hook) for module in HOOKSPEC_MODULES for hook in hooks_of(module)]
    table = ["| hook | phase | what for |", "| --- | --- | --- |"]
    table += [
        f"| [`{hook.__name__}`](#{hook.__name__}) | {phase(module)} | {summary(hook)} |" for module, hook in found
    ]
    sections = [INTRODUCTION, "\n".join(table)]
    for module in HOOKSPEC_MODULES:
        meaning = parse_docstring(module)[0].partition(": ")[2]
        sections.append(f"## {phase(module).capitalize()}\n\n{meaning[:1].upper()}{meaning[1:]}")
        sections += [render_section(hook) for hook in hooks_of(module)]
    return "\n\n".join(sections)


def hooks_of(module: ModuleType) -> list[FunctionType]:
    """The hook specifications of a phase, in the order of the file."""
    return [value for value in vars(module).values() if hasattr(value, f"{PROJECT}_spec")]


def phase(module: ModuleType) -> str:
    """The phase of the walk: the module's own name."""
    return module.__name__.rpartition(".")[2]


def summary(hook: FunctionType) -> str:
    """The first sentence."""
    return parse_docstring(hook)[0].split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def render_section(hook: FunctionType) -> str:
    """One hook: heading, signature, docstring."""
    text, more = parse_docstring(hook)
    lines = [f"### `{hook.__name__}`", f"```python\n{render_signature(hook)}\n```", text]
    if more.get("Raises"):
        lines.append("**Raises.** " + " ".join(more["Raises"].split()))
    return "\n\n".join(lines)


def render_signature(hook: FunctionType) -> str:
    """The signature as in the code."""
    described = inspect.signature(hook)
    arguments = [f"{name}: {parameter.annotation}" for name, parameter in described.parameters.items()]
    line = f"def {hook.__name__}({', '.join(arguments)}) -> {described.return_annotation}"
    if len(line) <= 100:
        return line
    body = "".join(f"    {argument},\n" for argument in arguments)
    return f"def {hook.__name__}(\n{body}) -> {described.return_annotation}"
