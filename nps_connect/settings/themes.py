"""The themes of comments and the words by which they are found: `themes.toml`, shipped or the company's own."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from nps_connect.errors import ConfigError
from nps_connect.settings.base import LANGUAGE_PATTERN, NAME_PATTERN

SHIPPED_FILE = Path(__file__).parent / "themes.toml"
MAX_FILE_BYTES = 1_000_000
MAX_GAP_WORDS = 3
GAP = "..."

_PATTERN_PART = re.compile(r"[^\W_]+\*?|\.\.\.")
_FIX = "see docs/comments.md for what the file may hold, and try it with: nps-connect comments themes TEXT"


def check_pattern(pattern: str) -> str:
    """Refuse a pattern that could match nothing or anything.

    Raises:
        ValueError: names what a pattern may hold.
    """
    parts = pattern.removeprefix("!").split()
    if not parts or parts[0] == GAP or parts[-1] == GAP or not all(map(_PATTERN_PART.fullmatch, parts)):
        raise ValueError(
            f"the pattern {pattern!r} may hold words, words that end with *, and ... between two words; "
            "a ! may stand before the first word"
        )
    if any(len(part) < 3 for part in parts if part.endswith("*")):
        raise ValueError(f"the pattern {pattern!r} has a word that is too short: two letters at least before *")
    return pattern


def _check_exception(pattern: str) -> str:
    if pattern.startswith("!"):
        raise ValueError(f"the exception {pattern!r} begins with !, which only patterns of `words` may")
    return check_pattern(pattern)


Language = Annotated[str, Field(pattern=LANGUAGE_PATTERN)]
ThemeId = Annotated[str, Field(pattern=NAME_PATTERN)]
Pattern = Annotated[str, AfterValidator(check_pattern)]
ExceptionPattern = Annotated[str, AfterValidator(_check_exception)]
Word = Annotated[str, Field(pattern=r"^[^\W_]+$")]


class ThemeTable(BaseModel):
    """A table of the file of themes; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ThemeLanguage(ThemeTable):
    """A language of the file: frequent words, by which it is recognised, and words that deny what follows."""

    common: tuple[Word, ...] = Field(min_length=1)
    negations: tuple[Word, ...] = ()


class Theme(ThemeTable):
    """A theme: its name by language, the patterns that find it, and what is not looked at."""

    name: Mapping[Language, str] = Field(min_length=1)
    words: Mapping[Language, tuple[Pattern, ...]]
    exceptions: Mapping[Language, tuple[ExceptionPattern, ...]] = Field(default_factory=dict, alias="except")

    def name_in(self, language: str) -> str:
        """Return the name in a language, or else in English, or else any."""
        return self.name.get(language.partition("-")[0]) or self.name.get("en") or next(iter(self.name.values()))


class ThemeFile(ThemeTable):
    """The content of a file of themes."""

    languages: Mapping[Language, ThemeLanguage] = Field(min_length=1)
    themes: Mapping[ThemeId, Theme] = Field(min_length=1, max_length=60)

    @model_validator(mode="after")
    def _check_languages(self) -> ThemeFile:
        for theme_id, theme in self.themes.items():
            unknown = {*theme.words, *theme.exceptions} - self.languages.keys()
            if unknown:
                raise ValueError(f"themes.{theme_id}: no table [languages.{min(unknown)}] for its words")
        return self


def load_theme_file(path: Path | None = None) -> ThemeFile:
    """Return the themes of a file, or the shipped ones.

    Raises:
        ConfigError: names the file, the place in it, what is wrong and how to fix it.
    """
    file = path or SHIPPED_FILE
    try:
        content = file.read_bytes()[: MAX_FILE_BYTES + 1]
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {error.strerror}", key="comments.themes", fix=_FIX) from None
    if len(content) > MAX_FILE_BYTES:
        raise ConfigError(f"{file} is larger than 1 MB", key="comments.themes", fix=_FIX)
    try:
        return ThemeFile.model_validate(tomllib.loads(content.decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not TOML: {error}", key="comments.themes", fix=_FIX) from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        reason = str(first["msg"]).removeprefix("Value error, ")
        text = f"{file}: {place}: {reason}" if place else f"{file}: {reason}"
        raise ConfigError(text, key="comments.themes", fix=_FIX) from None
