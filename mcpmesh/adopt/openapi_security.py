"""How requests prove who sends them: the security schemes of a document, and their secrets."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from openapi_pydantic import SecurityScheme
from pydantic import ValidationError

from mcpmesh.adopt.openapi_document import Document
from mcpmesh.adopt.openapi_operation import Security, security_of
from mcpmesh.adopt.upstream import UpstreamFailed
from mcpmesh.errors import InvalidCall


@dataclass(frozen=True, slots=True)
class Proof:
    """What is added to a request."""

    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    cookies: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return "Proof(***)"

    def __add__(self, other: "Proof") -> "Proof":
        return Proof(
            self.headers + other.headers, self.query + other.query, self.cookies + other.cookies
        )


@dataclass(frozen=True, slots=True)
class Keys:
    """The proofs that we have, by the names of their schemes; `default` is the document's rule."""

    proofs: Mapping[str, Proof] = field(default_factory=dict)
    default: Security = ()

    def proof_for(self, security: Security | None) -> Proof | None:
        """Return what satisfies one of the alternatives; None when nothing we have does."""
        alternatives = self.default if security is None else security
        if not alternatives:
            return Proof()
        # The one that proves most: a document may allow callers nobody knows besides.
        for schemes in sorted(alternatives, key=len, reverse=True):
            if all(scheme in self.proofs for scheme in schemes):
                return sum((self.proofs[scheme] for scheme in schemes), Proof())
        return None


def keys_of(document: Document, secrets: Mapping[str, str], where: str) -> Keys:
    """Return the proofs that secrets make, by the schemes of a document.

    Shape: `secrets` by the names of schemes; USER:PASSWORD for basic, a token for bearer, OAuth 2
    and OpenID Connect, the key for an API key.
    Raises: UpstreamFailed for a name that is no scheme, or of a kind that no secret satisfies.
    """
    try:
        default = security_of(document.root.value.get("security")) or ()
    except InvalidCall as error:
        raise UpstreamFailed(f"{where}: {error.message}", final=True) from error
    schemes = _schemes(document)
    proofs = {}
    for name, secret in secrets.items():
        if name not in schemes:
            known = ", ".join(sorted(schemes)) or "none"
            raise UpstreamFailed(
                f"{where} has no security scheme {name!r}; it has {known}", final=True
            )
        proofs[name] = _proof(where, name, schemes[name], secret)
    return Keys(proofs, default)


def _schemes(document: Document) -> dict[str, Any]:
    components = document.root.get("components")
    found = components.get("securitySchemes") if components else None
    if found is None or not isinstance(found.value, dict):
        return {}
    schemes = {}
    for name, each in found.value.items():
        try:
            schemes[name] = SecurityScheme.model_validate(found.of(each).followed().value)
        except (ValidationError, InvalidCall):
            continue
    return schemes


def _proof(where: str, name: str, scheme: SecurityScheme, secret: str) -> Proof:
    kind = scheme.type
    if any(ord(each) < 32 or ord(each) > 126 for each in secret):
        raise UpstreamFailed(f"{where}: the secret of {name} is no line of ASCII", final=True)
    if kind == "apiKey" and scheme.name:
        pair = ((scheme.name, secret),)
        if scheme.security_scheme_in == "header":
            return Proof(headers=pair)
        if scheme.security_scheme_in == "query":
            return Proof(query=pair)
        if scheme.security_scheme_in == "cookie":
            return Proof(cookies=pair)
    if kind == "http" and (scheme.scheme or "").lower() == "basic":
        encoded = b64encode(secret.encode()).decode()
        return Proof(headers=(("authorization", f"Basic {encoded}"),))
    if kind in ("oauth2", "openIdConnect") or (
        kind == "http" and (scheme.scheme or "").lower() == "bearer"
    ):
        return Proof(headers=(("authorization", f"Bearer {secret}"),))
    raise UpstreamFailed(
        f"{where}: no secret satisfies the security scheme {name} of type {kind}", final=True
    )


def unproven(operations: Iterable[tuple[str, Security | None]], keys: Keys) -> list[str]:
    """Return the names of operations that want a proof which we do not have."""
    return [name for name, security in operations if keys.proof_for(security) is None]
