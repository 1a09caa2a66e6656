"""Settings of who may call what."""

import json
from dataclasses import dataclass

from mcpmesh.config.checks import InvalidSetting
from mcpmesh.config.tls import TlsSettings
from mcpmesh.errors import InvalidCall
from mcpmesh.policy.access import Access, AccessRule
from mcpmesh.policy.table import read_table


@dataclass(frozen=True, slots=True)
class AccessSettings:
    """Settings of who may call what, the same for routers and bridges.

    Raises: InvalidSetting.
    """

    access: tuple[str, ...] = ()
    """Rules that let callers call tools: {"callers": ["spiffe://mesh/ada"], "tools": ["weather*"]};
    with any, nothing else may be called."""

    def __post_init__(self) -> None:
        self.rules()

    def rules(self) -> Access:
        """Return the rules."""
        return Access(tuple(_rule(text) for text in self.access))


def check_provable(settings: AccessSettings, tls: TlsSettings) -> Access:
    """Return the rules.

    Raises: InvalidSetting when they name callers, and nobody is asked for a certificate.
    """
    access = settings.rules()
    if access.names_callers and not tls.client_ca:
        raise InvalidSetting(
            "access",
            "a rule names callers, and nobody is asked to prove a name; give --tls-client-ca",
        )
    return access


def _rule(text: str) -> AccessRule:
    shown = text[:100]
    try:
        return read_table(AccessRule, json.loads(text), "access")
    except ValueError as error:
        form = '{"callers": […], "tools": […]}'
        raise InvalidSetting("access", f"{shown!r} is not {form}") from error
    except InvalidCall as error:
        raise InvalidSetting("access", f"{shown!r}: {error.message}") from error
