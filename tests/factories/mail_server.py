"""A mail server on a loopback port, which keeps what it receives."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import Message
from typing import Any


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().strip().decode():
            verb = line[:4].upper()
            if verb == "DATA":
                self._take_mail()
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 yes")

    def _take_mail(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        mail = message_from_bytes(b"".join(lines))
        self.server.mails.append(mail)  # type: ignore[attr-defined]
        self.server.on_mail(mail)  # type: ignore[attr-defined]
        self._say("250 taken")

    def _say(self, line: str) -> None:
        self.wfile.write(line.encode() + b"\r\n")


class MailServer:
    """What arrived, and where the server listens."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self.mails: list[Message] = server.mails
        server.on_mail = self._taken
        # Called with each mail that has arrived, before that is acknowledged.
        self.react: Callable[[Message], None] = lambda _mail: None
        host, port = server.server_address
        self.settings = {
            "host": host,
            "port": port,
            "security": "none",
            "sender": "Hearth <hearth@example.org>",
        }

    def _taken(self, mail: Message) -> None:
        self.react(mail)

    def text_of_last(self) -> str:
        """The plain text of the mail that arrived last."""
        part = next(part for part in self.mails[-1].walk() if part.get_content_type() == "text/plain")
        payload = part.get_payload(decode=True)
        assert isinstance(payload, bytes)
        return payload.decode()

    def last_link(self) -> str:
        """The path, with its query, of the link in the mail that arrived last."""
        link = next(word for word in self.text_of_last().split() if word.startswith("http"))
        return "/" + link.split("/", 3)[3]


@contextmanager
def mail_server() -> Iterator[MailServer]:
    """A mail server, as long as the block runs."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Session) as server:
        server.mails = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield MailServer(server)
        server.shutdown()
