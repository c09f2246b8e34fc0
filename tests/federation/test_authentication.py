"""Which server makes a request: what is signed, by whom, for whom."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from appliance.config import get_config
from appliance.config.current import use_config
from matrix_app.federation.authentication import authenticate_server
from matrix_app.federation.backoff import StoredBackoff
from matrix_app.federation.introduction import introduce
from matrix_app.http.dispatch import make_request
from matrix_app.http.request import Request
from matrix_app.protocol.errors import FederationDenied, InvalidParam, MatrixError, NotJson, Unauthorized
from matrix_app.protocol.signing import SigningKey
from matrix_app.services.local_identity import local_identity
from matrix_app.storage import destinations
from tests.conftest import SERVER_NAME
from tests.factories.servers import RemoteServer, make_http

pytestmark = pytest.mark.django_db

TARGET = "/_matrix/federation/v1/send/t1?a=%20b"
BODY = {"pdus": [], "n": 1.5, "ü": "ä"}


@pytest.fixture
def peer() -> RemoteServer:
    """A server whose keys are known."""
    server = RemoteServer("peer.example")
    server.introduce()
    return server


def authenticated(
    authorization: str | None, method: str = "PUT", target: str = TARGET, body: object = BODY
) -> Request:
    """The request after it was authenticated."""
    request = make_request(make_http(method, target, body, authorization), {})
    authenticate_server(request)
    return request


def refusal(authorization: str | None, **changes: object) -> MatrixError:
    with pytest.raises(MatrixError) as caught:
        authenticated(authorization, **changes)  # type: ignore[arg-type]
    return caught.value


def test_a_signed_request_has_an_origin(peer: RemoteServer) -> None:
    assert authenticated(peer.authorization("PUT", TARGET, BODY)).origin == "peer.example"


def test_a_request_without_a_body_is_signed_without_content(peer: RemoteServer) -> None:
    header = peer.authorization("GET", TARGET)
    assert authenticated(header, method="GET", body=None).origin == "peer.example"


def test_a_request_without_a_signature_is_refused() -> None:
    assert isinstance(refusal(None), Unauthorized)
    assert isinstance(refusal("Bearer abc"), Unauthorized)


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "POST"},
        {"target": TARGET + "c"},
        {"target": TARGET.partition("?")[0]},
        {"body": {**BODY, "n": 2}},
        {"body": None},
    ],
)
def test_every_part_of_a_request_is_signed(peer: RemoteServer, changes: dict[str, object]) -> None:
    assert refusal(peer.authorization("PUT", TARGET, BODY), **changes).status == 401


def test_a_request_for_another_server_is_refused(peer: RemoteServer) -> None:
    header = peer.authorization("PUT", TARGET, BODY, destination="other.example")
    assert refusal(header).status == 401


def test_a_request_of_an_older_server_names_no_destination(peer: RemoteServer) -> None:
    header = peer.authorization("PUT", TARGET, BODY, destination=None)
    assert "destination" not in header
    assert authenticated(header).origin == "peer.example"


def test_a_destination_that_was_signed_cannot_be_left_out(peer: RemoteServer) -> None:
    header = peer.authorization("PUT", TARGET, BODY)
    assert refusal(header.replace(f'destination="{SERVER_NAME}",', "")).status == 401


def test_nobody_speaks_in_the_name_of_this_server() -> None:
    own = RemoteServer(SERVER_NAME, local_identity().signing_key)
    assert refusal(own.authorization("PUT", TARGET, BODY)).status == 401


def test_an_origin_that_is_no_server_name_is_a_bad_request() -> None:
    server = RemoteServer("localhost:http")
    assert isinstance(refusal(server.authorization("PUT", TARGET, BODY)), InvalidParam)


def test_a_body_that_is_no_json_is_told_so(peer: RemoteServer) -> None:
    assert isinstance(refusal(peer.authorization("PUT", TARGET, BODY), body=b"{"), NotJson)


def test_an_unknown_key_is_refused_without_asking_anybody(peer: RemoteServer) -> None:
    stranger = RemoteServer("peer.example", SigningKey("other", b"\x01" * 32))
    assert refusal(stranger.authorization("PUT", TARGET, BODY)).status == 401


def test_another_key_of_the_same_name_is_refused(peer: RemoteServer) -> None:
    forger = RemoteServer("peer.example", SigningKey(peer.key.version, b"\x01" * 32))
    assert refusal(forger.authorization("PUT", TARGET, BODY)).status == 401


def test_a_key_that_is_no_longer_valid_is_refused() -> None:
    server = RemoteServer("late.example")
    server.introduce(valid_for=-1)
    assert refusal(server.authorization("PUT", TARGET, BODY)).status == 401


def test_one_of_several_signatures_is_enough(peer: RemoteServer) -> None:
    other = RemoteServer("peer.example", SigningKey("other", b"\x01" * 32))
    header = f"{other.authorization('PUT', TARGET, BODY)},{peer.authorization('PUT', TARGET, BODY)}"
    assert authenticated(header).origin == "peer.example"


def test_two_servers_do_not_sign_one_request(peer: RemoteServer) -> None:
    other = RemoteServer("other.example")
    header = f"{other.authorization('PUT', TARGET, BODY)},{peer.authorization('PUT', TARGET, BODY)}"
    assert refusal(header).status == 401


def test_a_request_ends_the_time_in_which_its_server_is_left_alone(peer: RemoteServer) -> None:
    StoredBackoff().failed("peer.example")
    refusal(peer.authorization("PUT", TARGET, BODY), body={})
    assert destinations.health("peer.example").failing_since_ts is not None
    authenticated(peer.authorization("PUT", TARGET, BODY))
    assert destinations.health("peer.example").failing_since_ts is None


@pytest.fixture(
    params=[{"deny_servers": ("*.EXAMPLE",)}, {"allow_servers": ("friend.?",)}, {"enabled": False}]
)
def excluding(request: pytest.FixtureRequest) -> Iterator[None]:
    """Configurations under which the peer is not spoken with."""
    config = get_config()
    federation = msgspec.structs.replace(config.federation, **request.param)
    with use_config(msgspec.structs.replace(config, federation=federation)):
        yield


@pytest.mark.usefixtures("excluding")
def test_servers_that_the_configuration_excludes_are_refused(peer: RemoteServer) -> None:
    error = refusal(peer.authorization("PUT", TARGET, BODY))
    assert isinstance(error, FederationDenied)
    assert error.status == 403


@pytest.mark.usefixtures("excluding")
async def test_nor_are_their_keys_asked_for() -> None:
    header = RemoteServer("stranger.example").authorization("PUT", TARGET, BODY)
    await introduce({"headers": [(b"authorization", header.encode())]})
