"""A channel keeps to its own rate, whoever sends."""

from __future__ import annotations

from itertools import pairwise

from support.house import House
from support.vendors import Post

from nps_connect import Quota, hookimpl


class SlowPost(Post):
    """Takes twelve mails a minute: one every five seconds."""

    @hookimpl
    def nps_connector(self):
        return super().nps_connector().model_copy(update={"quotas": (Quota(calls=12, seconds=60),)})


def test_customer_mail_keeps_to_the_rate_of_its_channel_and_nothing_is_lost(ledger, clock):
    post = SlowPost()
    house = House(ledger, clock, post=post)
    for number in range(20):
        house.crm.knows(str(number), f"p{number}@example.com")
        house.webhook(house.won(str(number)))
    house.run()
    house.clock.forward("3d")
    begun = house.clock()
    sent = []
    while len(post.items) < 20:
        house.run()
        sent.append(len(post.items))
        house.clock.forward("10s")
    minutes = (house.clock() - begun).total_seconds() / 60
    assert 20 / minutes <= 12.5
    assert max(after - before for before, after in pairwise(sent)) <= 3
    assert {row.attempts for row in house.deliveries("send_survey")} == {0}
    assert len({mail.to.email for mail in post.items}) == 20
