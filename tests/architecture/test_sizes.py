"""Files and functions stay small."""

from __future__ import annotations

import ast
from statistics import median

import pytest

MAX_FILE_LINES = 300
MEDIAN_FILE_LINES = 100
MAX_FUNCTION_LINES = 75
MEDIAN_FUNCTION_LINES = 9


def count_lines(path):
    return len(path.read_text(encoding="utf-8").splitlines())


@pytest.fixture(scope="module")
def function_lines(product, root):
    """Lines of every function, by file and name."""
    return {
        f"{path.relative_to(root)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in product
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_no_file_is_longer_than_300_lines(product, root):
    too_long = {
        str(path.relative_to(root)): count_lines(path)
        for path in product
        if count_lines(path) > MAX_FILE_LINES and path.parent.name != "versions"
    }
    assert too_long == {}


def test_half_of_the_files_are_shorter_than_100_lines(product):
    assert median(lines for path in product if (lines := count_lines(path)) > 5) < MEDIAN_FILE_LINES


def test_no_function_is_longer_than_75_lines(function_lines):
    assert {name: lines for name, lines in function_lines.items() if lines > MAX_FUNCTION_LINES} == {}


def test_half_of_the_functions_have_9_lines_or_fewer(function_lines):
    assert median(function_lines.values()) <= MEDIAN_FUNCTION_LINES
