"""Which prompt or resource a client means, by what it calls it."""

from collections.abc import Callable

from mcpmesh.model.nearest import did_you_mean
from mcpmesh.model.tool import PROMPT, RESOURCE
from mcpmesh.model.uri_template import UriTemplate
from mcpmesh.stack.mesh import ToolList
from mcpmesh.v1 import tool_pb2

#: Tells whether an entry is there for a client, by its name.
Knows = Callable[[str], bool]


class EntryIndex:
    """The newest version of each prompt and resource, read anew when the list is another."""

    def __init__(self) -> None:
        self._cursor = ""
        self._entries: dict[str, tool_pb2.Tool] = {}
        self._templates: list[tuple[UriTemplate, tool_pb2.Tool]] = []

    def refresh(self, tools: ToolList) -> "EntryIndex":
        """Take a list of tools; return self."""
        if tools.cursor == self._cursor:
            return self
        self._cursor = tools.cursor
        self._entries = {}
        for status in tools.tools:
            if status.tool.WhichOneof("kind") is not None:
                self._entries.setdefault(status.tool.name, status.tool)
        self._templates = [
            (UriTemplate(entry.resource.uri), entry)
            for entry in self._entries.values()
            if entry.resource.template
        ]
        return self

    def prompt(self, name: str) -> tool_pb2.Tool | None:
        """Return the prompt of a name."""
        return self._entries.get(PROMPT + name)

    def resource(self, uri: str, knows: Knows | None = None) -> tool_pb2.Tool | None:
        """Return the resource of a URI, or the first template by name that it fits.

        With `knows`, of those whose name it knows.
        """
        found = self._entries.get(RESOURCE + uri)
        if found is not None and not found.resource.template:
            return found if knows is None or knows(found.name) else None
        return next(
            (
                entry
                for template, entry in self._templates
                if template.match(uri) and (knows is None or knows(entry.name))
            ),
            None,
        )

    def template(self, text: str) -> tool_pb2.Tool | None:
        """Return the resource or template that is written so."""
        return self._entries.get(RESOURCE + text)

    def like(self, name: str, prefix: str, knows: Knows | None = None) -> str:
        """Return a hint at names like one that nobody knows."""
        names = (
            each.removeprefix(prefix)
            for each in self._entries
            if each.startswith(prefix) and (knows is None or knows(each))
        )
        return did_you_mean(name, names)
