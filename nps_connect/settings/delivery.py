"""``[delivery]`` and ``[retention]``: how hard to try, and what is kept how long."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from nps_connect.records.deliveries import Action
from nps_connect.settings.base import Name, SettingsTable
from nps_connect.settings.durations import Duration


class Retry(SettingsTable):
    """``[delivery.retry.<action>]``: when a failed delivery is tried again.

    Attributes:
        delays: the wait after the first failure, after the second, and so on; then it is dead.
        jitter: share of a delay by which chance may shorten or lengthen it.
        total: no try later than this after the first one.
    """

    delays: tuple[Duration, ...] = Field(min_length=1, max_length=100)
    jitter: float = Field(default=0.2, ge=0, lt=1)
    total: Duration

    @model_validator(mode="after")
    def _longer_than_nothing(self) -> Retry:
        if any(delay <= timedelta() for delay in self.delays) or self.total <= timedelta():
            raise ValueError("delays and total are longer than nothing")
        return self


class Delivery(SettingsTable):
    """``[delivery]``: how hard to try, and how much at once.

    Attributes:
        retry: plans that replace the built-in ones, by action.
        concurrency: how many threads of a process may work for one connection at once, by connection; 4 if not given.
        deadline: how long a hook may take before its thread is given up; twice in a row stops the queue.
    """

    retry: dict[Action, Retry] = Field(default_factory=dict)
    concurrency: dict[Name, Annotated[int, Field(ge=1, le=64)]] = Field(default_factory=dict)
    deadline: Duration = Field(default=timedelta(minutes=5), ge=timedelta(seconds=10))


class Retention(SettingsTable):
    """``[retention]``: what is kept how long; figures survive all of it.

    Attributes:
        raw_bodies: bodies and headers of webhooks.
        visits: the visitor's full network address and browser; then only the network and the browser's name.
        attempts: every try of a delivery with its exchange.
        decisions: why somebody was or was not asked.
        comments: what customers wrote, here and in the copies kept for tickets.
    """

    raw_bodies: Duration = timedelta(days=30)
    visits: Duration = timedelta(days=7)
    attempts: Duration = timedelta(days=90)
    decisions: Duration = timedelta(days=396)
    comments: Duration = timedelta(days=731)
