"""A slice of `make real-mail`, with a real Postfix and Dovecot; the other scenarios take minutes."""

from __future__ import annotations

import pytest
from support.mail_scenarios import MAILBOXES, arrives, bounces_later, refused_in_the_session
from support.mail_servers import mail_servers, missing_programs
from support.real_mail import run_scenario


@pytest.mark.mail_servers
def test_mail_arrives_is_refused_or_comes_back_by_real_mail_servers(tmp_path):
    if missing := missing_programs():
        pytest.skip(f"missing: {', '.join(missing)}")
    with mail_servers(MAILBOXES) as servers:
        for scenario in (arrives, refused_in_the_session, bounces_later):
            assert run_scenario(servers, scenario, tmp_path / f"{scenario.__name__}.db")
