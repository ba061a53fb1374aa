"""A digest through the real e-mail channel: sent by SMTP, read back, and left by its own button."""

from __future__ import annotations

import base64
from io import BytesIO

import httpx
from PIL import Image
from support.sample_digests import sample_content
from support.smtp_fixture import smtp_application

from nps_connect.ledger.subjects import mailbox_hash
from nps_connect.services.reports import digest_action

ADDRESS = "anna@example.com"


def test_a_digest_arrives_with_picture_and_text_and_one_click_leaves_it(ledger, clock):
    with smtp_application(ledger, clock) as application:
        ctx = application.ctx
        message = digest_action.build_digest(
            ctx,
            sample_content(),
            scope="",
            mailbox=mailbox_hash(ADDRESS),
            email=ADDRESS,
            key="send_digest-test",
            message_id="digest-test",
        )
        mail = ctx.connections["mail"]
        ctx.plugins.deliver(mail.settings.plugin, "nps_send_messages", mail, [message])
        (received,) = application.gateway.mails(ADDRESS)
        assert received.subject == "NPS\u202f+47, pas d’évolution nette, 7 clients à appeler"
        assert received.header("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click"
        assert received.header("X-NPS-Connect-Kind") == "digest"
        assert received.header("List-Id") == "<company.digest.127.0.0.1>"
        assert "Marie Martin" in received.text
        assert "Marie Martin" in received.html
        picture = Image.open(BytesIO(base64.b64decode(received.images["trend"].partition(",")[2])))
        assert picture.format == "PNG"
        (url,) = [link for link in received.links if "/d/" in link]
        assert received.header("List-Unsubscribe") == f"<{url}>"
        with httpx.Client() as client:
            assert client.get(url).status_code == 200
            assert application.backend.digest_page(url.rpartition("/")[2]).state == "open"
            assert client.post(url, content="List-Unsubscribe=One-Click").status_code == 200
        assert application.backend.digest_page(url.rpartition("/")[2]).state == "left"
