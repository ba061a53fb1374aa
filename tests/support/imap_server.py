"""A small IMAP server on loopback: as much of the protocol as reading a mailbox needs."""

from __future__ import annotations

import re
import socketserver
import threading


class ImapMailbox:
    """A mailbox: messages by UID; `said` holds the commands that came, without passwords."""

    def __init__(self, login=("reports", "p@ss")):
        self.login, self.validity = login, 7
        self.messages: dict[int, bytes] = {}
        self.said: list[str] = []


class _ImapHandler(socketserver.StreamRequestHandler):
    def handle(self):
        self.say("* OK ready")
        for line in self.rfile:
            tag, _, command = line.decode().strip().partition(" ")
            name = command.split(" ")[0].upper()
            self.server.box.said.append("LOGIN" if name == "LOGIN" else command)
            getattr(self, f"on_{name.lower()}")(tag, command)
            if name == "LOGOUT":
                return

    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def on_capability(self, tag, _command):
        self.say("* CAPABILITY IMAP4rev1")
        self.say(f"{tag} OK done")

    def on_login(self, tag, command):
        known = '"{}" "{}"'.format(*self.server.box.login)
        given = command.partition(" ")[2]
        plain = " ".join(self.server.box.login)
        good = given in (known, plain, f'{self.server.box.login[0]} "{self.server.box.login[1]}"')
        self.say(f"{tag} OK done" if good else f"{tag} NO no such login {given}")

    def on_examine(self, tag, _command):
        self.say(f"* {len(self.server.box.messages)} EXISTS")
        self.say(f"* OK [UIDVALIDITY {self.server.box.validity}]")
        self.say(f"{tag} OK [READ-ONLY]")

    def on_uid(self, tag, command):
        messages = self.server.box.messages
        if command.startswith("UID SEARCH"):
            after = re.search(r"UID SEARCH UID (\d+):\*", command)
            found = [one for one in messages if not after or one >= int(after[1])]
            found = found or list(messages)[-1:]  # `n:*` always holds the last one
            self.say("* SEARCH " + " ".join(map(str, found)))
        else:
            number = int(re.search(r"UID FETCH (\d+)", command)[1])
            content = messages[number]
            self.say(f"* 1 FETCH (UID {number} BODY[]<0> {{{len(content)}}}")
            self.wfile.write(content)
            self.say(")")
        self.say(f"{tag} OK done")

    def on_logout(self, tag, _command):
        self.say("* BYE")
        self.say(f"{tag} OK done")


class _ImapServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def serve_imap(box: ImapMailbox) -> _ImapServer:
    """Start serving a mailbox on a free port, in a thread."""
    server = _ImapServer(("127.0.0.1", 0), _ImapHandler)
    server.box = box
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server
