"""What a docstring says: the description for the model, and a line for each parameter."""

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field

from docstring_parser import ParseError, parse


@dataclass(frozen=True, slots=True)
class Documentation:
    """A description without its sections, and what the Args section says of each parameter."""

    description: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


def read_docstring(text: str | None) -> Documentation:
    """Read a docstring of Google, NumPy, reST or Epydoc style; plain text is all description."""
    if not text or not text.strip():
        return Documentation()
    clean = inspect.cleandoc(text)
    try:
        parsed = parse(clean)
    except ParseError:
        return Documentation(clean)
    parameters = {
        parameter.arg_name: " ".join((parameter.description or "").split())
        for parameter in parsed.params
    }
    return Documentation((parsed.description or "").strip(), parameters)
