"""Find the themes of a comment by the words of a file, and say by which words. Pure.

Nothing is learnt or guessed: what a comment is found to be about follows from the file and can be read there.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from nps_connect.rules.folded_text import split_words
from nps_connect.settings.themes import GAP, MAX_GAP_WORDS, ThemeFile

MAX_COMMENT_LENGTH = 5000
"""Characters of a comment that are read."""

NEGATION_REACH = 4
"""A negation concerns this many words after it."""

_SENTENCE_END = re.compile(r"[.!?;…\n]+")
_BREAK = "|"  # between sentences: no pattern holds it
_NOTHING = re.compile(r"(?!)")


class ThemeMatch(NamedTuple):
    """A theme of a comment and the words by which it was found."""

    theme: str
    words: tuple[str, ...]


class _ThemePatterns(NamedTuple):
    always: re.Pattern[str]
    unless_denied: re.Pattern[str]
    exceptions: re.Pattern[str]


class ThemeModel:
    """The compiled words of a file.

    Attributes:
        themes: ids of the themes, in the order of the file.
        fingerprint: changes with every change of the file or of how it is applied.
    """

    def __init__(self, file: ThemeFile) -> None:
        self.themes = tuple(file.themes)
        content = file.model_dump_json(by_alias=True)
        self.fingerprint = "words-" + hashlib.sha256(f"1 {content}".encode()).hexdigest()[:16]
        self._common = {language: frozenset(_fold_all(table.common)) for language, table in file.languages.items()}
        self._negations = {
            language: frozenset(_fold_all(table.negations)) for language, table in file.languages.items()
        }
        self._patterns = {
            language: {
                theme_id: _compile(theme.words.get(language, ()), theme.exceptions.get(language, ()))
                for theme_id, theme in file.themes.items()
            }
            for language in file.languages
        }

    def recognise_language(self, words: Iterable[str], language: str) -> str:
        """Return the language whose frequent words a comment has most of; the response's own if that is not clear."""
        words, own_language = list(words), language.partition("-")[0].lower()
        counts = {name: sum(word in common for word in words) for name, common in self._common.items()}
        best = max(counts, key=lambda name: (counts[name], name == own_language))
        own_count = counts.get(own_language)
        is_own = own_count is not None and counts[best] <= (own_count + 1 if own_count else 0)
        return own_language if is_own else best

    def classify(self, comment: str, language: str) -> list[ThemeMatch]:
        """Return the themes of a comment in the order of the file.

        Args:
            comment: as the customer wrote it.
            language: of the response, used where the words of the comment do not tell.
        """
        sentences = [split_words(sentence) for sentence in _SENTENCE_END.split(comment[:MAX_COMMENT_LENGTH])]
        spoken = self.recognise_language((word for sentence in sentences for word in sentence), language)
        text = f" {f' {_BREAK} '.join(' '.join(sentence) for sentence in sentences if sentence)} "
        matches = []
        for theme, patterns in self._patterns[spoken].items():
            visible = patterns.exceptions.sub(_hide, text)
            hits = [match.group(1) for match in patterns.always.finditer(visible)]
            hits += [
                match.group(1)
                for match in patterns.unless_denied.finditer(visible)
                if not self._is_denied(visible[: match.start()], spoken)
            ]
            if hits:
                matches.append(ThemeMatch(theme, tuple(dict.fromkeys(hits))))
        return matches

    def _is_denied(self, before: str, language: str) -> bool:
        sentence = before.rpartition(_BREAK)[2].split()
        return not self._negations[language].isdisjoint(sentence[-NEGATION_REACH:])


def _fold_all(words: Iterable[str]) -> Iterable[str]:
    return (part for word in words for part in split_words(word))


def _hide(match: re.Match[str]) -> str:
    """Keep the number of words, so that no pattern matches across what is hidden."""
    return " ".join("~" for _ in match.group(0).split())


def _compile(patterns: Sequence[str], exceptions: Sequence[str]) -> _ThemePatterns:
    denied = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    return _ThemePatterns(
        _alternatives([pattern for pattern in patterns if not pattern.startswith("!")]),
        _alternatives(denied),
        _alternatives(exceptions),
    )


def _alternatives(patterns: Sequence[str]) -> re.Pattern[str]:
    """Return one expression for all patterns, the longest first; it matches whole words between spaces."""
    if not patterns:
        return _NOTHING
    alternatives = "|".join(_expression(pattern) for pattern in sorted(patterns, key=len, reverse=True))
    return re.compile(rf"(?<= )({alternatives})(?= )")


def _expression(pattern: str) -> str:
    expression = ""
    for part in pattern.split():
        if part == GAP:
            expression += rf"(?:[^ |~]+ ){{0,{MAX_GAP_WORDS}}}"
        else:
            word = " ".join(split_words(part.removesuffix("*")))
            expression += rf"{re.escape(word)}{'[^ |~]*' if part.endswith('*') else ''} "
    return expression.removesuffix(" ")


def theme_names(file: ThemeFile, language: str) -> Mapping[str, str]:
    """Return the names of the themes in a language, by id."""
    return {theme_id: theme.name_in(language) for theme_id, theme in file.themes.items()}
