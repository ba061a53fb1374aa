"""A TCP proxy before a mail server, which stops a session at a chosen stage of its mail."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, Self

Stage = Literal["content", "answer"]
"""`content`: the client is about to send its mail; `answer`: the server has answered the dot."""

FINAL_DOT = b"\r\n.\r\n"


class SmtpGate:
    """A context manager that passes SMTP sessions on to a mail server.

    Args:
        port: of the mail server on loopback.

    Attributes:
        port: where the gate listens.
        stop_at: the stage at which the next session stops: nothing more is passed on, and `on_stop` is called.
    """

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.stop_at: Stage | None = None
        self.on_stop: Callable[[], object] = lambda: None

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        received = bytearray()
        with suppress(OSError), client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            threading.Thread(target=self._answer, args=(server, client, received), daemon=True).start()
            while chunk := client.recv(65_536):
                received += chunk
                if received.endswith(b"\r\nDATA\r\n") and self._stops_at("content"):
                    return
                server.sendall(chunk)

    def _answer(self, server: socket.socket, client: socket.socket, received: bytearray) -> None:
        with suppress(OSError):
            while chunk := server.recv(65_536):
                if received.endswith(FINAL_DOT) and self._stops_at("answer"):
                    return
                client.sendall(chunk)

    def _stops_at(self, stage: Stage) -> bool:
        if self.stop_at != stage:
            return False
        self.stop_at = None
        self.on_stop()
        return True
