"""TLS of server and channel: against grpc.aio, and against everything that can be wrong."""

import asyncio
import os
import ssl
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest

from mcpmesh.config import InvalidSetting, TlsSettings
from mcpmesh.policy.backoff import Backoff
from mcpmesh.rpc.channel import Channel, ChannelOptions
from mcpmesh.rpc.server import Server
from mcpmesh.transport.credentials import ServerCredentials
from tests.certificates import DAY, Authority, Files
from tests.eventually import eventually

QUICK = ChannelOptions(backoff=Backoff(0.02, 1.0, 0.02, 0.0))
SPIFFE = "spiffe://mesh.example/ada"


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


@pytest.fixture(scope="module")
def serving_files(authority: Authority) -> Files:
    return authority.sign("server", "localhost", "127.0.0.1", "::1")


@pytest.fixture(scope="module")
def ada(authority: Authority) -> Files:
    return authority.sign("ada", SPIFFE, "ada.example", common_name="Ada L.", organization="E, Inc")


def server_tls(files: Files, **more: object) -> TlsSettings:
    return TlsSettings(tls_cert=files.cert, tls_key=files.key, **more)


def client_tls(ca: str, files: Files | None = None, **more: object) -> TlsSettings:
    own = {"tls_cert": files.cert, "tls_key": files.key} if files else {}
    return TlsSettings(tls_ca=ca, **own, **more)


async def who(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
    who.seen = (context.peer_identities(), context.peer_identity_key(), context.auth_context())
    return request


def handlers() -> grpc.GenericRpcHandler:
    return grpc.method_handlers_generic_handler(
        "t", {"m": grpc.unary_unary_rpc_method_handler(who)}
    )


@asynccontextmanager
async def serving(tls: TlsSettings | None, address: str = "127.0.0.1:0"):
    server = Server()
    server.add_generic_rpc_handlers((handlers(),))
    port = server.add_secure_port(address, tls) if tls else server.add_insecure_port(address)
    await server.start()
    try:
        yield port
    finally:
        await server.stop(None)


async def call(target: str, tls: TlsSettings | None, request: bytes = b"x") -> bytes:
    async with Channel(target, QUICK, tls=tls) as channel:
        return await channel.unary_unary("/t/m")(request, timeout=10)


async def refusal(target: str, tls: TlsSettings | None) -> str:
    """Return why a call fails to connect."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call(target, tls)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    return caught.value.details()


# With grpc.aio opposite


@pytest.mark.parametrize("address", ["127.0.0.1:0", "[::1]:0", "unix:{0}/s", "unix-abstract:{0}"])
async def test_stock_client_calls_our_server(authority, serving_files, ada, address, tmp_path):
    address = address.format(tmp_path)
    tls = server_tls(serving_files, tls_client_ca=authority.ca, tls_require_client_cert=True)
    async with serving(tls, address) as port:
        target = address.replace(":0", f":{port}") if address.endswith(":0") else address
        key, cert = ada.pems
        credentials = grpc.ssl_channel_credentials(authority.ca_pem, key, cert)
        named = (("grpc.ssl_target_name_override", "localhost"),)
        async with grpc.aio.secure_channel(target, credentials, named) as channel:
            big = os.urandom(300_000)
            assert await channel.unary_unary("/t/m")(big, timeout=10) == big


@pytest.mark.parametrize("address", ["localhost:0", "[::1]:0", "unix:{0}/s", "unix-abstract:{0}"])
async def test_our_channel_calls_a_stock_server(authority, serving_files, ada, address, tmp_path):
    address = address.format(tmp_path)
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handlers(),))
    credentials = grpc.ssl_server_credentials([serving_files.pems], authority.ca_pem, True)
    port = server.add_secure_port(address, credentials)
    await server.start()
    target = address.replace(":0", f":{port}") if address.endswith(":0") else address
    try:
        big = os.urandom(300_000)
        assert await call(target, client_tls(authority.ca, ada), big) == big
    finally:
        await server.stop(None)


@pytest.mark.parametrize("kind", ["our", "grpc"])
@pytest.mark.parametrize("address", ["unix:{0}/s", "unix-abstract:{0}"])
async def test_unix_sockets_without_tls(kind, address, tmp_path):
    address = address.format(tmp_path)
    async with serving(None, address) as port:
        assert port == 1
        if kind == "our":
            assert await call(address, None) == b"x"
        else:
            async with grpc.aio.insecure_channel(address) as channel:
                assert await channel.unary_unary("/t/m")(b"x", timeout=10) == b"x"
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize("names", [
    (SPIFFE,), ("a.example", "10.1.2.3", "https://a.example/"), ()
], ids=["spiffe", "names", "none"])  # fmt: skip
@pytest.mark.parametrize("shows", [True, False])
async def test_what_a_servicer_sees_of_its_caller_is_what_grpc_aio_shows(
    authority, serving_files, names, shows
):
    mine = authority.sign("somebody", *names, common_name="Ä b,c", organization="E, Inc")
    key, cert = mine.pems if shows else (None, None)
    credentials = grpc.ssl_channel_credentials(authority.ca_pem, key, cert)

    async def seen(port: int) -> tuple:
        async with grpc.aio.secure_channel(f"localhost:{port}", credentials) as channel:
            await channel.unary_unary("/t/m")(b"", timeout=10)
        return who.seen

    stock = grpc.aio.server()
    stock.add_generic_rpc_handlers((handlers(),))
    port = stock.add_secure_port(
        "localhost:0",
        grpc.ssl_server_credentials([serving_files.pems], authority.ca_pem, shows),
    )
    await stock.start()
    try:
        identities, key, context = await seen(port)
    finally:
        await stock.stop(None)
    tls = server_tls(serving_files, tls_client_ca=authority.ca)
    async with serving(tls, "localhost:0") as port:
        ours = await seen(port)
    assert ours[0] == identities
    assert ours[1] == key
    assert context.items() >= ours[2].items()
    missing = {key for key in context if key.startswith(("x509", "peer"))} - ours[2].keys()
    assert not missing
    if names == (SPIFFE,) and shows:
        assert ours[2]["peer_spiffe_id"] == [SPIFFE.encode()]


# What can be wrong


async def test_wrong_authority_is_named(authority, stranger, serving_files):
    async with serving(server_tls(serving_files)) as port:
        why = await refusal(f"127.0.0.1:{port}", client_tls(stranger.ca))
    assert "authority that --tls-ca does not name" in why


async def test_expired_certificate_is_named(authority):
    expired = authority.sign("expired", "localhost", valid=(-2 * DAY, -DAY))
    async with serving(server_tls(expired)) as port:
        why = await refusal(f"localhost:{port}", client_tls(authority.ca))
    assert "certificate of localhost has expired" in why


async def test_certificate_that_is_not_valid_yet_is_named(authority):
    early = authority.sign("early", "localhost", valid=(DAY, 2 * DAY))
    async with serving(server_tls(early)) as port:
        assert "not valid yet" in await refusal(f"localhost:{port}", client_tls(authority.ca))


async def test_wrong_name_is_named_and_can_be_given(authority):
    other = authority.sign("other", "mesh.internal")
    async with serving(server_tls(other)) as port:
        why = await refusal(f"localhost:{port}", client_tls(authority.ca))
        assert "for another name than 'localhost'" in why
        assert "--tls-server-name" in why
        assert "another address" in await refusal(f"127.0.0.1:{port}", client_tls(authority.ca))
        named = client_tls(authority.ca, tls_server_name="mesh.internal")
        assert await call(f"127.0.0.1:{port}", named) == b"x"


async def test_common_name_is_no_host_name(authority):
    files = authority.sign("common", common_name="localhost")
    async with serving(server_tls(files)) as port:
        assert "another name" in await refusal(f"localhost:{port}", client_tls(authority.ca))


async def test_missing_client_certificate_is_named(authority, serving_files, ada, caplog):
    tls = server_tls(serving_files, tls_client_ca=authority.ca, tls_require_client_cert=True)
    async with serving(tls) as port:
        why = await refusal(f"127.0.0.1:{port}", client_tls(authority.ca))
        assert "requires a client certificate; give --tls-cert and --tls-key" in why
        assert "shows no client certificate" in caplog.text
        assert await call(f"127.0.0.1:{port}", client_tls(authority.ca, ada)) == b"x"


async def test_client_certificate_of_a_stranger_is_refused(
    authority, stranger, serving_files, caplog
):
    eve = stranger.sign("eve", "eve.example")
    tls = server_tls(serving_files, tls_client_ca=authority.ca)
    async with serving(tls) as port:
        why = await refusal(f"127.0.0.1:{port}", client_tls(authority.ca, eve))
    assert "does not trust the authority of our certificate" in why
    assert "authority that --tls-client-ca does not name" in caplog.text


async def test_expired_client_certificate_is_refused(authority, serving_files, caplog):
    expired = authority.sign("expired-client", "old.example", valid=(-2 * DAY, -DAY))
    tls = server_tls(serving_files, tls_client_ca=authority.ca)
    async with serving(tls) as port:
        why = await refusal(f"127.0.0.1:{port}", client_tls(authority.ca, expired))
    assert "says that our certificate has expired" in why
    assert "has expired" in caplog.text


async def test_plaintext_client_is_told_that_the_server_speaks_tls(authority, serving_files):
    async with serving(server_tls(serving_files)) as port:
        why = await refusal(f"127.0.0.1:{port}", None)
    assert "the peer speaks TLS, and we did not; --tls-ca says whom to trust" in why


async def test_closed_connection_may_have_wanted_tls():
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    try:
        why = await refusal(f"127.0.0.1:{server.sockets[0].getsockname()[1]}", None)
    finally:
        server.close()
    assert "if it wants TLS, --tls-ca" in why


async def test_tls_client_is_told_that_the_server_does_not(authority, caplog):
    async with serving(None) as port:
        why = await refusal(f"127.0.0.1:{port}", client_tls(authority.ca))
    assert "127.0.0.1 does not speak TLS" in why
    assert "the peer speaks TLS, this port does not" in caplog.text


def raw_client(authority: Authority, *protocols: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.ca)
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


@pytest.mark.parametrize(("protocols", "said"), [
    ((), "offers no protocol by ALPN, not h2"),
    (("http/1.1",), "offers no protocol by ALPN, not h2"),
])  # fmt: skip
async def test_client_without_h2_is_refused(authority, serving_files, protocols, said, caplog):
    async with serving(server_tls(serving_files)) as port:
        reader, writer = await asyncio.open_connection(
            "localhost", port, ssl=raw_client(authority, *protocols)
        )
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    assert said in caplog.text


async def test_server_without_h2_is_refused(authority, serving_files):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(serving_files.cert, serving_files.key)
    context.set_alpn_protocols(["http/1.1"])
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        why = await refusal(f"127.0.0.1:{port}", client_tls(authority.ca))
    finally:
        server.close()
    assert "not h2 for gRPC" in why


@pytest.mark.parametrize(("version", "works"), [
    (ssl.TLSVersion.TLSv1_1, False),
    (ssl.TLSVersion.TLSv1_2, True),
    (ssl.TLSVersion.TLSv1_3, True),
])  # fmt: skip
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
async def test_versions_of_tls(authority, serving_files, version, works, caplog):
    context = raw_client(authority, "h2")
    context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with serving(server_tls(serving_files)) as port:
        connecting = asyncio.open_connection("localhost", port, ssl=context)
        if not works:
            with pytest.raises(ssl.SSLError):
                await connecting
            assert "speaks no TLS newer than 1.1" in caplog.text
            return
        reader, writer = await connecting
        assert writer.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0)))
        assert (await asyncio.wait_for(reader.readexactly(9), 10))[3] == 4
        writer.close()


async def test_cipher_without_forward_secrecy_is_refused(authority, serving_files):
    context = raw_client(authority, "h2")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AES256+SHA384:!AESGCM:AES256-SHA")
    async with serving(server_tls(serving_files)) as port:
        with pytest.raises(ssl.SSLError):
            await asyncio.open_connection("localhost", port, ssl=context)


async def test_peer_that_sends_no_handshake_is_closed(serving_files, caplog):
    from mcpmesh.rpc.server import ServerOptions
    from mcpmesh.transport.link import LinkTimes

    server = Server(ServerOptions(times=LinkTimes(handshake=0.05)))
    port = server.add_secure_port("127.0.0.1:0", server_tls(serving_files))
    await server.start()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        assert "did not end the TLS handshake in 0.05 s" in caplog.text
        writer.close()
    finally:
        await server.stop(None)


async def test_stopping_does_not_wait_for_a_handshake(serving_files):
    async with serving(server_tls(serving_files)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        await call_until_accepted(port)
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()


async def test_goodbyes_of_both_sides_are_no_failure(authority, serving_files, caplog):
    server = Server()
    port = server.add_secure_port("127.0.0.1:0", server_tls(serving_files))
    await server.start()
    try:
        reader, writer = await asyncio.open_connection(
            "localhost", port, ssl=raw_client(authority, "h2")
        )
        writer.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"no frame of HTTP/2")
        # The server ends its side first, with a GOAWAY; the client's goodbye comes after it.
        await asyncio.wait_for(reader.read(), 10)
        writer.close()
        await eventually(lambda: not server.links)
    finally:
        await server.stop(None)
    assert "connection closed" in caplog.text
    assert "TLS with" not in caplog.text


async def call_until_accepted(port: int) -> None:
    """Return when the server took every connection before this one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"not TLS at all, that is sure")
    await asyncio.wait_for(reader.read(), 5)
    writer.close()


# Files


def copied(files: Files, folder: Path) -> Files:
    mine = Files(str(folder / "cert.pem"), str(folder / "cert.key"))
    replaced(files, mine)
    return mine


def replaced(files: Files, mine: Files) -> None:
    for source, target in ((files.key, mine.key), (files.cert, mine.cert)):
        new = Path(target + ".new")
        new.write_bytes(Path(source).read_bytes())
        new.replace(target)


async def test_new_certificate_is_taken_without_dropping_a_connection(authority, tmp_path, caplog):
    first, second = (authority.sign(name, f"{name}.example") for name in ("first", "second"))
    mine = copied(first, tmp_path)

    def named(name: str) -> TlsSettings:
        return client_tls(authority.ca, tls_server_name=name)

    async with serving(server_tls(mine)) as port:
        target = f"127.0.0.1:{port}"
        async with Channel(target, QUICK, tls=named("first.example")) as channel:
            method = channel.unary_unary("/t/m")
            assert await method(b"1", timeout=10) == b"1"
            connection = channel.connection
            replaced(second, mine)
            assert await call(target, named("second.example")) == b"x"
            assert "another name" in await refusal(target, named("first.example"))
            assert await method(b"2", timeout=10) == b"2"
            assert channel.connection is connection
    assert "going on with the old" not in caplog.text


async def test_bad_new_certificate_changes_nothing_but_the_log(authority, tmp_path, caplog):
    caplog.set_level("INFO", "mcpmesh.transport")
    good, other = (authority.sign(name, "localhost") for name in ("good", "other"))
    mine = copied(good, tmp_path)
    async with serving(server_tls(mine)) as port:
        target, tls = f"localhost:{port}", client_tls(authority.ca)
        for bad in (b"no certificate", Path(other.cert).read_bytes()):
            Path(mine.cert).write_bytes(bad)
            caplog.clear()
            assert await call(target, tls) == b"x"
            assert await call(target, tls) == b"x"
            assert caplog.text.count("going on with the old certificates") == 1
        replaced(other, mine)
        assert await call(target, tls) == b"x"
        assert "took new certificates" in caplog.text


async def test_client_takes_new_authorities_for_its_next_connection(
    authority, stranger, serving_files, tmp_path
):
    ca = tmp_path / "ca.pem"
    ca.write_bytes(stranger.ca_pem)
    async with (
        serving(server_tls(serving_files)) as port,
        Channel(f"localhost:{port}", QUICK, tls=client_tls(str(ca))) as channel,
    ):
        method = channel.unary_unary("/t/m")
        with pytest.raises(grpc.aio.AioRpcError):
            await method(b"1", timeout=10)
        ca.write_bytes(authority.ca_pem)
        assert await method(b"2", timeout=10, wait_for_ready=True) == b"2"


@pytest.mark.parametrize(("change", "said"), [
    ({"tls_cert": "/nowhere.pem"}, "tls_cert: cannot read /nowhere.pem"),
    ({"tls_key": "/nowhere.key"}, "tls_key: cannot read /nowhere.key"),
    ({"tls_client_ca": "/nowhere.ca"}, "tls_client_ca: cannot read"),
    ({"tls_cert": "{text}"}, "no PEM certificate"),
    ({"tls_client_ca": "{text}"}, "no PEM certificates in"),
    ({"tls_key": "{other}"}, "is the key of another certificate"),
    ({"tls_key": "{encrypted}"}, "wants a passphrase"),
])  # fmt: skip
def test_file_that_cannot_be_used_is_named(authority, serving_files, tmp_path, change, said):
    from cryptography.hazmat.primitives import serialization

    text = tmp_path / "text"
    text.write_text("hello")
    other = authority.sign("of-another", "x").key
    key = serialization.load_pem_private_key(Path(serving_files.key).read_bytes(), None)
    encrypted = tmp_path / "encrypted"
    encrypted.write_bytes(key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"secret"),
    ))  # fmt: skip
    settings = {"tls_cert": serving_files.cert, "tls_key": serving_files.key} | {
        name: value.format(text=text, other=other, encrypted=encrypted)
        for name, value in change.items()
    }
    with pytest.raises(InvalidSetting) as caught:
        ServerCredentials(TlsSettings(**settings))
    assert said in str(caught.value)
