"""Split a filter into tokens with their columns, and refuse what is not supported before it is parsed.

Only comparisons reach the parser: no arithmetic, functions, regular expressions or loops. So no filter takes long to
compile or to match.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

MAX_LENGTH = 1_000
MAX_DEPTH = 40
EXCERPT_CONTEXT = 50
"""Number of characters shown before and after an error."""

OPERATORS = "== != < <= > >= in, not in, and, or, not"
KEYWORDS = frozenset({"and", "or", "not", "in", "true", "false", "null"})

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<text>d?(?P<quote>["'])(?:[^\\\n]|\\.)*?(?P=quote))
      | (?P<number>-?[0-9]+(?:\.[0-9]+)?(?![\w.]))
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
      | (?P<operator>=~~?|!~~?|==|!=|>=|<=|>(?!>)|<(?!<))
      | (?P<mark>[()\[\]{},])""",
    re.VERBOSE,
)
_ODD_ESCAPE = re.compile(r"""(?:^|[^\\])(?:\\\\)*\\(?![\\"'])""")
_HINTS = {
    "&": "write 'and'",
    "|": "write 'or'",
    "!": "write 'not', or '!=' for a comparison",
    "=": "write '==' to compare",
    "+": "arithmetic is not part of filters",
    "-": "arithmetic is not part of filters",
    "*": "arithmetic is not part of filters",
    "/": "arithmetic is not part of filters",
    "%": "arithmetic is not part of filters",
    "$": "functions are not part of filters",
    '"': "this text has no closing quote",
    "'": "this text has no closing quote",
}


class FilterError(ValueError):
    """A filter is invalid.

    Args:
        problem: one sentence with the fix.
        column: 1-based position, in characters of the filter's text.
    """

    def __init__(self, problem: str, column: int) -> None:
        self.problem = problem
        self.column = column
        super().__init__(f"column {column}: {problem}")

    def render_excerpt(self, text: str) -> str:
        """Return the line of the filter with a caret under the column; a long line is cut around it."""
        before = text[: self.column - 1]
        line_start = before.rfind("\n") + 1
        line, position = text[line_start:].partition("\n")[0], len(before) - line_start
        begin = max(0, position - EXCERPT_CONTEXT)
        excerpt = line[begin : position + EXCERPT_CONTEXT].replace("\t", " ")
        return f"  {excerpt}\n  {' ' * (position - begin)}^"


@dataclass(frozen=True)
class Token:
    """One token; `column` is 1-based."""

    kind: str
    text: str
    column: int


def tokenize(text: str) -> list[Token]:
    """Split a filter's text into tokens.

    Raises:
        FilterError: the filter is too long, nested too deeply, or contains something that is not supported.
    """
    if len(text) > MAX_LENGTH:
        raise FilterError(f"the filter has {len(text)} characters, {MAX_LENGTH} are allowed", MAX_LENGTH + 1)
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unexpected_character(text, position)
        kind = match.lastgroup if match.lastgroup != "quote" else "text"
        if match["text"]:
            kind = "text"
        if kind != "space":
            tokens.append(_with_keywords(Token(str(kind), match[0], position + 1)))
            _reject_unsupported(tokens)
        position = match.end()
    if not tokens:
        raise FilterError("the filter is empty; leave it out to let every event through", 1)
    _reject_depth(tokens)
    return tokens


def suggest_names(name: str, field_names: list[str]) -> str:
    """Return the end of a sentence about an unknown name: the closest known name, and all of them."""
    close = get_close_matches(name, field_names, n=1)
    guess = f"did you mean {close[0]!r}? " if close else ""
    return f"{guess}known fields: {', '.join(field_names) or 'none'}"


def _with_keywords(token: Token) -> Token:
    return Token("keyword", token.text, token.column) if token.text in KEYWORDS else token


def _unexpected_character(text: str, position: int) -> FilterError:
    sign = text[position]
    if sign.isdigit():
        return FilterError("this number cannot be read; write it like 100 or 99.5", position + 1)
    hint = _HINTS.get(sign, f"filters know {OPERATORS}")
    return FilterError(f"{sign!r} is not part of filters; {hint}", position + 1)


def _reject_unsupported(tokens: list[Token]) -> None:
    """Refuse the last token if it would make something other than a comparison."""
    token, before = tokens[-1], tokens[-2] if len(tokens) > 1 else None
    if token.kind == "operator" and "~" in token.text:
        raise FilterError(
            "regular expressions are not part of filters, they can take forever; "
            "write '\"word\" in field' to look for a text",
            token.column,
        )
    if token.kind == "name" and token.text.lower() in KEYWORDS:
        raise FilterError(f"write {token.text.lower()!r} in lower case", token.column)
    if token.kind == "text" and _ODD_ESCAPE.search(token.text):
        raise FilterError("a backslash in a text is written twice", token.column)
    if before is None:
        return
    if token.text == "(" and before.kind in {"name", "text", "number"}:
        raise FilterError("functions are not part of filters", before.column)
    if token.text in {"[", "{"} and before.text != "in":
        raise FilterError('a list stands after \'in\', such as: stage in ["won", "closed"]', token.column)
    if token.kind == "number" and token.text[0] == "-" and before.kind in {"name", "number", "text"}:
        raise FilterError("arithmetic is not part of filters", token.column)
    if token.kind == "text" and before.kind == "name" and before.column + len(before.text) == token.column:
        raise FilterError(f"{before.text!r} cannot stand before a quote", before.column)


def _reject_depth(tokens: list[Token]) -> None:
    depth = negations = 0
    for token in tokens:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        negations += token.text == "not"
        if depth > MAX_DEPTH or negations > MAX_DEPTH:
            raise FilterError(f"more than {MAX_DEPTH} brackets or negations; split the trigger in two", token.column)
