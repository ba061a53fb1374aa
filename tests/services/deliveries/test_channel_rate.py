"""The rate of a channel is shared by all its senders."""

from __future__ import annotations

from itertools import pairwise

from support.application import ApplicationHarness
from support.fake_vendors import FakeMailChannel

from nps_connect import Quota, hookimpl


class SlowPost(FakeMailChannel):
    """Accepts twelve mails a minute: one every five seconds."""

    @hookimpl
    def nps_connector(self):
        return super().nps_connector().model_copy(update={"quotas": (Quota(calls=12, seconds=60),)})


def test_customer_mail_keeps_the_rate_of_its_channel_without_loss(ledger, clock):
    post = SlowPost()
    application = ApplicationHarness(ledger, clock, post=post)
    for number in range(20):
        application.crm.knows(str(number), f"p{number}@example.com")
        application.webhook(application.won(str(number)))
    application.run()
    application.clock.forward("3d")
    started_at = application.clock()
    sent = []
    while len(post.items) < 20:
        application.run()
        sent.append(len(post.items))
        application.clock.forward("10s")
    minutes = (application.clock() - started_at).total_seconds() / 60
    assert 20 / minutes <= 12.5
    assert max(after - before for before, after in pairwise(sent)) <= 3
    assert {row.attempts for row in application.deliveries("send_survey")} == {0}
    assert len({mail.to.email for mail in post.items}) == 20
