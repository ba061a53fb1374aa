"""``[delivery]`` and ``[retention]``: retries, concurrency, and how long data is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import Field, model_validator

from nps_connect.records.actions import Action
from nps_connect.settings.base import Name, SettingsTable
from nps_connect.settings.durations import Duration


class Retry(SettingsTable):
    """``[delivery.retry.<action>]``: the retry plan of an action.

    Attributes:
        delays: after the first failure, after the second, and so on; then the delivery is dead.
        jitter: share of a delay by which it is randomly shortened or lengthened.
        total: time after the first try after which no retry starts.
    """

    delays: tuple[Duration, ...] = Field(min_length=1, max_length=100)
    jitter: float = Field(default=0.2, ge=0, lt=1)
    total: Duration

    @model_validator(mode="after")
    def _check_positive(self) -> Retry:
        if any(delay <= timedelta() for delay in self.delays) or self.total <= timedelta():
            raise ValueError("delays and total must be greater than zero")
        return self


class Delivery(SettingsTable):
    """``[delivery]``: retries and concurrency.

    Attributes:
        retry: plans that replace the built-in ones, by action.
        concurrency: maximum number of threads per connection in one process; 4 by default.
        deadline: maximum duration of a hook call before its thread is abandoned; two in a row pause the queue.
    """

    retry: dict[Action, Retry] = Field(default_factory=dict)
    concurrency: dict[Name, Annotated[int, Field(ge=1, le=64)]] = Field(default_factory=dict)
    deadline: Duration = Field(default=timedelta(minutes=5), ge=timedelta(seconds=10))


class Retention(SettingsTable):
    """``[retention]``: how long data is kept; scores and daily figures stay.

    Attributes:
        webhooks: webhooks as received, and bounces about none of our mails.
        visits: full network address and user agent of page views; afterwards only the network and the browser's name.
        page_views: page views; at least 400 days, because they show that a mailbox with soft bounces is in use.
        attempts: attempts of deliveries with their exchanges, what mail servers wrote in bounces, plans of assistants.
        deliveries: finished deliveries; at least the longest cooldown and the longest time to respond.
        events: events, and the decisions on them; at least `limits.cooldown` and `limits.max_event_age`.
        cooldowns: cooldowns, from their end.
        comments: comments and answers of customers, also in the copies kept for tickets; notes about closed problems.
    """

    webhooks: Duration = timedelta(days=30)
    visits: Duration = timedelta(days=7)
    page_views: Duration = timedelta(days=400)
    attempts: Duration = timedelta(days=90)
    deliveries: Duration = timedelta(days=396)
    events: Duration = timedelta(days=396)
    cooldowns: Duration = timedelta(days=30)
    comments: Duration = timedelta(days=731)
