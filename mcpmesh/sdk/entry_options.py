"""What an author may say of a tool, a prompt or a resource alike, beside the function itself."""

from collections.abc import Mapping
from typing import TypedDict


class EntryOptions(TypedDict, total=False):
    """Keyword arguments of every decorator. Units: `timeout` in seconds."""

    name: str | None
    title: str
    description: str | None
    version: str
    labels: Mapping[str, str] | None
    timeout: float | None
