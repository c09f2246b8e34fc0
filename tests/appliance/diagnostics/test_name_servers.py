"""Questions to name servers, of which some run on loopback."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from appliance.diagnostics.name_servers import NoNameServer, ask, system_servers

Answer = Callable[[dns.message.Message], dns.message.Message]


@contextmanager
def name_server(answer: Answer) -> Iterator[int]:
    """A name server on loopback; its port."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            data, sender = listening.recvfrom(4096)
            if not data:
                return
            listening.sendto(answer(dns.message.from_wire(data)).to_wire(), sender)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.sendto(b"", listening.getsockname())
        thread.join()
        listening.close()


def _validating(question: dns.message.Message) -> dns.message.Message:
    """Answers with a broken chain: only to those who do not want it verified."""
    response = dns.message.make_response(question)
    if not question.flags & dns.flags.CD:
        response.set_rcode(dns.rcode.SERVFAIL)
        return response
    response.answer.append(dns.rrset.from_text("a.example.", 60, "IN", "CNAME", "b.example."))
    response.answer.append(dns.rrset.from_text("b.example.", 60, "IN", "A", "192.0.2.2", "192.0.2.1"))
    return response


def test_a_broken_chain_is_an_answer_only_without_verification() -> None:
    with name_server(_validating) as port:
        assert ask("a.example", "A", ["127.0.0.1"], port=port).code == "SERVFAIL"
        found = ask("a.example", "A", ["127.0.0.1"], unchecked=True, port=port)
    assert (found.code, found.records, found.is_validated) == ("NOERROR", ("192.0.2.1", "192.0.2.2"), False)


def _verified(question: dns.message.Message) -> dns.message.Message:
    response = dns.message.make_response(question)
    assert question.ednsflags & dns.flags.DO
    response.flags |= dns.flags.AD
    response.answer.append(dns.rrset.from_text("a.example.", 60, "IN", "CAA", '0 issue "ca.example"'))
    return response


def test_records_come_as_in_a_zone_file_with_whether_they_were_verified() -> None:
    with name_server(_verified) as port:
        found = ask("a.example", "CAA", ["127.0.0.1"], port=port)
    assert (found.records, found.is_validated) == (('0 issue "ca.example"',), True)


def test_the_next_name_server_is_asked_when_one_is_not_there() -> None:
    with name_server(_verified) as port:
        found = ask("a.example", "CAA", ["no address", "127.0.0.1"], port=port)
    assert found.records
    with pytest.raises(NoNameServer, match="no address"):
        ask("a.example", "CAA", ["no address"])
    with pytest.raises(NoNameServer, match="no name for DNS"):
        ask("a..example", "CAA", ["127.0.0.1"])


def test_the_machine_names_its_name_servers() -> None:
    assert all(isinstance(server, str) for server in system_servers())
