"""What a person types into the search of comments, as terms and as queries of both databases. Pure.

Every word must occur. A word of three letters or more matches the words that begin with it; words in quotation marks
match exactly, in this order; a minus sign excludes what follows it. Nothing that is typed is an error.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from nps_connect.rules.folded_text import split_words

MAX_QUERY_LENGTH = 200
MAX_TERMS = 10
MIN_PREFIX_LENGTH = 3

_PARTS = re.compile(r'(?P<minus>(?<!\S)-)?(?:["“”«](?P<phrase>[^"“”»]*)["“”»]?|(?P<word>[^\s"“”«»]+))')


class SearchTerm(NamedTuple):
    """One part of a search.

    Attributes:
        words: folded words that follow one another.
        is_prefix: the last word may go on.
        is_excluded: comments with it are left out.
    """

    words: tuple[str, ...]
    is_prefix: bool = False
    is_excluded: bool = False


def parse_search(text: str) -> tuple[SearchTerm, ...]:
    """Return the terms of a search; empty if it holds no word."""
    terms: dict[SearchTerm, None] = {}
    for part in _PARTS.finditer(text[:MAX_QUERY_LENGTH]):
        phrase, word = part["phrase"], part["word"]
        words = tuple(split_words(word if phrase is None else phrase))
        if words:
            may_go_on = phrase is None and (len(words[-1]) >= MIN_PREFIX_LENGTH or word.endswith("*"))
            terms[SearchTerm(words, may_go_on, bool(part["minus"]))] = None
    return tuple(terms)[:MAX_TERMS]


def matches_terms(terms: tuple[SearchTerm, ...], words: list[str]) -> bool:
    """Return whether a text with these folded words is found; a search without a term to find finds nothing."""
    required = [term for term in terms if not term.is_excluded]
    excluded = [term for term in terms if term.is_excluded]
    has_all = bool(required) and all(_occurs(term, words) for term in required)
    return has_all and not any(_occurs(term, words) for term in excluded)


def _occurs(term: SearchTerm, words: list[str]) -> bool:
    size = len(term.words)
    for start in range(len(words) - size + 1):
        *exact, last = words[start : start + size]
        if tuple(exact) == term.words[:-1] and (
            last.startswith(term.words[-1]) if term.is_prefix else last == term.words[-1]
        ):
            return True
    return False


def fts5_query(terms: tuple[SearchTerm, ...]) -> str | None:
    """Return the query for SQLite's FTS5; None if it would find nothing."""
    required = [_fts5_term(term) for term in terms if not term.is_excluded]
    excluded = [_fts5_term(term) for term in terms if term.is_excluded]
    if not required:
        return None
    all_required = " AND ".join(required)
    return f"({all_required}) NOT ({' OR '.join(excluded)})" if excluded else all_required


def _fts5_term(term: SearchTerm) -> str:
    return f'"{" ".join(term.words)}"{" *" if term.is_prefix else ""}'


def tsquery(terms: tuple[SearchTerm, ...]) -> str | None:
    """Return the query for PostgreSQL's `to_tsquery`; None if it would find nothing."""
    required = [_tsquery_term(term) for term in terms if not term.is_excluded]
    excluded = [f"!{_tsquery_term(term)}" for term in terms if term.is_excluded]
    return " & ".join([*required, *excluded]) if required else None


def _tsquery_term(term: SearchTerm) -> str:
    quoted = [f"'{word}'" for word in term.words]
    return f"({' <-> '.join(quoted)}{':*' if term.is_prefix else ''})"
