"""Each finding on a problem names its kind, and what to do."""

from __future__ import annotations

import ast


def problems_without(keyword: str, trees) -> list[str]:
    """Return where a `Finding` of a fixed severity other than `ok` lacks an argument."""
    return [
        f"{path}:{call.lineno}"
        for path, tree in trees.items()
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Finding"
        for arguments in [{argument.arg: argument.value for argument in call.keywords}]
        if not (isinstance(arguments["severity"], ast.Constant) and arguments["severity"].value == "ok")
        if keyword not in arguments
    ]


def test_every_problem_names_its_kind(trees):
    assert problems_without("id", trees) == []


def test_every_problem_says_what_to_do(trees):
    assert problems_without("fix", trees) == []
