"""How adopted services are reached over HTTP: a pool of connections, and what its errors mean."""

import ssl

import httpx2

#: Seconds to connect; a call's own time is its caller's.
CONNECT = 10.0
#: Errors after which the request was certainly not read by anybody.
UNSENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
#: Connections to one service, and those that wait for the next call.
_POOL = httpx2.Limits(max_connections=256, max_keepalive_connections=64, keepalive_expiry=60.0)


def new_client(verify: ssl.SSLContext | bool = True) -> httpx2.AsyncClient:
    """Return a client for the calls of one service; whoever has it closes it."""
    return httpx2.AsyncClient(
        limits=_POOL,
        # Elsewhere than the user said, secrets are not to go.
        follow_redirects=False,
        # The deadline of a call cancels it.
        timeout=httpx2.Timeout(None, connect=CONNECT, pool=CONNECT),
        headers={"user-agent": "mcpmesh", "accept-encoding": "gzip"},
        verify=verify,
        # The environment's proxies and .netrc are not part of the settings.
        trust_env=False,
    )


def reason_of(error: Exception) -> str:
    """Return what an error says, or what it is."""
    return str(error) or type(error).__name__
