"""A client that proves its name."""

import ssl

import httpx2

from tests.certificates import Authority


def client_named(name: str, address: str, authority: Authority) -> httpx2.AsyncClient:
    """Return a client of an address, with a certificate of that name; "" for one without."""
    context = ssl.create_default_context(cafile=authority.ca)
    if name:
        files = authority.sign(name, f"spiffe://mesh/{name}")
        context.load_cert_chain(files.cert, files.key)
    return httpx2.AsyncClient(base_url=f"https://{address}", timeout=10, verify=context)
