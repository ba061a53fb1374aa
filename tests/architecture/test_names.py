"""Modules, classes and variables are named by the terms of the trade and of the glossary."""

from __future__ import annotations

import ast
import re
from collections import Counter
from importlib import import_module

GERUND_MODULES = {
    "routing",
    "rendering",
    "testing",
    "branding",
    "sampling",
    "timing",
    "gc_tuning",
    "mapping",
    "upcoming",
}
"""Modules and packages that may end in -ing: the trade calls these things so."""

BANNED_NAMES = {
    "one", "told", "found", "known", "wanted", "asked", "own", "taken", "some", "rest", "mine", "fresh",
}  # fmt: skip
"""Say nothing about what a variable, parameter or loop variable holds."""


def stored_names(tree: ast.AST):
    """Names that are assigned, bound by a loop or comprehension, or are parameters, with their line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


def test_no_module_is_named_by_a_gerund(trees):
    parts = {part.removesuffix(".py") for path in trees for part in path.parts}
    assert {part for part in parts if part.endswith("ing")} - GERUND_MODULES == set()


def test_variables_and_parameters_say_what_they_hold(trees):
    banned = [f"{path}:{line}: {name}" for path, tree in trees.items() for name, line in stored_names(tree)
              if name in BANNED_NAMES]  # fmt: skip
    assert banned == []


def test_a_public_class_name_is_used_once(trees):
    classes = Counter(
        node.name
        for path, tree in trees.items()
        if path.parts[0] == "nps_connect"
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert {name: count for name, count in classes.items() if count > 1} == {}


TABLE_ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)


def table(page: str, heading: str) -> dict[str, str]:
    """The rows of the two-column table below a heading."""
    section = page.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = {first.strip(): second.strip() for first, second in TABLE_ROW.findall(section)}
    return {first: second for first, second in rows.items() if first not in ("term", "---")}


def resolve(reference: str) -> object:
    """The object of `module:name` or `module:Class.field`."""
    module, _, names = reference.partition(":")
    target: object = import_module(module)
    for name in names.split("."):
        fields = getattr(target, "model_fields", {})
        target = fields[name] if name in fields else getattr(target, name)
    return target


def test_every_glossary_term_has_a_symbol_that_exists(root):
    terms = table((root / "docs" / "index.md").read_text(encoding="utf-8"), "Glossary")
    symbols = table((root / "docs" / "architecture.md").read_text(encoding="utf-8"), "Glossary in code")
    assert set(symbols) == set(terms)
    for term, references in symbols.items():
        term_symbols = re.findall(r"`(nps_connect[\w.]*:[\w.]+)`", references)
        assert term_symbols, term
        assert all(resolve(reference) is not None for reference in term_symbols), term
