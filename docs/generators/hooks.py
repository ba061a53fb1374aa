"""Generator of the hooks reference."""

from __future__ import annotations

import inspect
from types import FunctionType, ModuleType

from generators.hook_examples import load_implementations, shortest
from nps_connect.hookspecs import HOOKSPEC_MODULES, PROJECT
from nps_connect.settings.docstrings import parse_docstring

INTRODUCTION = """# Hooks

The extension points for plugins. A plugin is a module or package that implements some of these functions, marked with
`@hookimpl`, and is registered by an entry point in the group `nps_connect`. It imports public names from `nps_connect`
only. Hooks are synchronous functions without default arguments. An implementation can accept fewer arguments than
listed here, never more. Each section lists the exceptions that the hook may raise; see [errors](errors.md).

The examples are the shortest implementations in this repository, with the file that holds each of them. The words in
their signatures are on the page of [records](../plugins/records.md). Which hooks need each other is on
[which hooks belong together](../plugins/hook-groups.md)."""


def render_page() -> str:
    """Return the page as Markdown, in the order of the pipeline."""
    hooks = [(module, hook) for module in HOOKSPEC_MODULES for hook in load_hooks(module)]
    table = ["| hook | phase | purpose |", "| --- | --- | --- |"]
    table += [
        f"| [`{hook.__name__}`](#{hook.__name__}) | {phase_name(module)} | {first_sentence(hook)} |"
        for module, hook in hooks
    ]
    sections = [INTRODUCTION, "\n".join(table)]
    for module in HOOKSPEC_MODULES:
        meaning = parse_docstring(module)[0].partition(": ")[2]
        sections.append(f"## {phase_name(module).capitalize()}\n\n{meaning[:1].upper()}{meaning[1:]}")
        sections += [render_section(hook) for hook in load_hooks(module)]
    return "\n\n".join(sections)


def load_hooks(module: ModuleType) -> list[FunctionType]:
    """Return the hook specifications of a phase, in file order."""
    return [value for value in vars(module).values() if hasattr(value, f"{PROJECT}_spec")]


def phase_name(module: ModuleType) -> str:
    """Return the pipeline phase: the last part of the module name."""
    return module.__name__.rpartition(".")[2]


def first_sentence(hook: FunctionType) -> str:
    """Return the first paragraph of the docstring, escaped for a table cell."""
    return parse_docstring(hook)[0].split("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def render_section(hook: FunctionType) -> str:
    """Return the section of one hook: heading, signature, docstring."""
    text, docstring_sections = parse_docstring(hook)
    lines = [f"### `{hook.__name__}`", f"```python\n{render_signature(hook)}\n```", text]
    if docstring_sections.get("Raises"):
        lines.append("**Raises.** " + " ".join(docstring_sections["Raises"].split()))
    return "\n\n".join([*lines, *render_use(hook.__name__)])


def render_use(hook_name: str) -> list[str]:
    """Return the paragraphs about the implementations of a hook: the plugins that have it, and an example."""
    implementations = load_implementations().get(hook_name, [])
    plugins = sorted({implementation.plugin for implementation in implementations if implementation.plugin})
    used = f"**Used by.** {', '.join(f'`{name}`' for name in plugins)}" if plugins else "**Used by.** no bundled plugin"
    example = shortest(implementations)
    if example is None:
        return [used]
    return [used, f"**Example**, from `{example.path}`:", f"```python\n{example.source}\n```"]


def render_signature(hook: FunctionType) -> str:
    """Return the signature as Python source, on one line if it fits."""
    signature = inspect.signature(hook)
    arguments = [f"{name}: {parameter.annotation}" for name, parameter in signature.parameters.items()]
    line = f"def {hook.__name__}({', '.join(arguments)}) -> {signature.return_annotation}"
    if len(line) <= 100:
        return line
    body = "".join(f"    {argument},\n" for argument in arguments)
    return f"def {hook.__name__}(\n{body}) -> {signature.return_annotation}"
