"""A minimal IMAP server on loopback: the commands that reading a mailbox needs."""

from __future__ import annotations

import re
import socketserver
import threading


class ImapMailbox:
    """A mailbox.

    Attributes:
        login: user and password that are accepted; None closes the connection at LOGIN.
        validity: its UIDVALIDITY.
        messages: contents by UID.
        vanished: UIDs that a search returns although the message is gone.
        folders: the names of the folders that exist, in modified UTF-7; None for every name.
        commands: the received commands, without login data.
    """

    def __init__(self, login=("reports", "p@ss")):
        self.login, self.validity = login, 7
        self.messages: dict[int, bytes] = {}
        self.vanished: set[int] = set()
        self.folders: set[str] | None = None
        self.commands: list[str] = []


class _ImapHandler(socketserver.StreamRequestHandler):
    def handle(self):
        self.send_line("* OK ready")
        for line in self.rfile:
            tag, _, command = line.decode().strip().partition(" ")
            name = command.split(" ")[0].upper()
            self.server.mailbox.commands.append("LOGIN" if name == "LOGIN" else command)
            if name == "LOGIN" and self.server.mailbox.login is None:
                return
            getattr(self, f"on_{name.lower()}")(tag, command)
            if name == "LOGOUT":
                return

    def send_line(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def on_capability(self, tag, _command):
        self.send_line("* CAPABILITY IMAP4rev1")
        self.send_line(f"{tag} OK done")

    def on_login(self, tag, command):
        submitted = command.partition(" ")[2]
        is_accepted = submitted.replace('"', "") == " ".join(self.server.mailbox.login)
        self.send_line(f"{tag} OK done" if is_accepted else f"{tag} NO no such login {submitted}")

    def on_examine(self, tag, command):
        folders = self.server.mailbox.folders
        if folders is not None and command.partition(" ")[2].strip('"') not in folders:
            self.send_line(f"{tag} NO no such mailbox")
            return
        self.send_line(f"* {len(self.server.mailbox.messages)} EXISTS")
        self.send_line(f"* OK [UIDVALIDITY {self.server.mailbox.validity}]")
        self.send_line(f"{tag} OK [READ-ONLY]")

    def on_uid(self, tag, command):
        if command.startswith("UID SEARCH"):
            self._search(command)
        else:
            self._fetch(command)
        self.send_line(f"{tag} OK done")

    def _search(self, command):
        mailbox = self.server.mailbox
        uids = sorted({*mailbox.messages, *mailbox.vanished})
        lower_bound = re.search(r"UID SEARCH UID (\d+):\*", command)
        matching = [uid for uid in uids if not lower_bound or uid >= int(lower_bound[1])]
        matching = matching or uids[-1:]  # `n:*` always includes the last message
        self.send_line("* SEARCH " + " ".join(map(str, matching)))

    def _fetch(self, command):
        for uid in map(int, re.search(r"UID FETCH ([\d,]+)", command)[1].split(",")):
            content = self.server.mailbox.messages.get(uid)
            if content is None:
                continue
            self.send_line(f"* {uid} FETCH (UID {uid} BODY[]<0> {{{len(content)}}}")
            self.wfile.write(content)
            self.send_line(")")

    def on_logout(self, tag, _command):
        self.send_line("* BYE")
        self.send_line(f"{tag} OK done")


class _ImapServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True


def serve_imap(mailbox: ImapMailbox) -> _ImapServer:
    """Serve a mailbox on a free port, in a thread."""
    server = _ImapServer(("127.0.0.1", 0), _ImapHandler)
    server.mailbox = mailbox
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    return server
