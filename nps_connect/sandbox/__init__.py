"""The sandbox: simulated vendors on one loopback port, and a mailbox on an SMTP port."""
