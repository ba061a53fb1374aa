"""Public holidays of a country, from the library `holidays`, which is imported only where a country is set. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from functools import lru_cache


def is_public_holiday(day: date, country: str, region: str | None) -> bool:
    """Return whether a day is a public holiday.

    Args:
        day: the calendar day.
        country: ISO 3166-1 code, such as ``FR``.
        region: as `known_regions` names it, such as ``57`` for the holidays of the Moselle.

    Raises:
        ValueError: the library knows no such country or region.
    """
    return day in _load_holidays(country, region, day.year)


def known_regions(country: str) -> Collection[str] | None:
    """Return the codes of the regions of a country with holidays of their own; None for an unknown country."""
    from holidays import list_supported_countries

    return list_supported_countries().get(country)


@lru_cache(maxsize=32)
def _load_holidays(country: str, region: str | None, year: int) -> frozenset[date]:
    from holidays import country_holidays

    try:
        return frozenset(country_holidays(country, subdiv=region, years=year))
    except NotImplementedError as error:
        raise ValueError(str(error)) from None
