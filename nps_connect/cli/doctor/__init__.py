"""Check mail deliverability."""

COMMANDS = {"mail": "Send a test mail and check its SPF, DKIM and DMARC results."}
