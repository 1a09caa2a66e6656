"""A call's arguments → the HTTP request that an operation stands for."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mcpmesh.adopt.openapi_body import Written
from mcpmesh.adopt.openapi_operation import BODY, HttpOperation
from mcpmesh.adopt.openapi_parameter import Where
from mcpmesh.adopt.openapi_security import Proof


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request, ready to be sent. It may hold secrets."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: Written | None

    def __repr__(self) -> str:
        return f"HttpRequest({self.method} {self.target.partition('?')[0]})"


def request_of(operation: HttpOperation, arguments: dict[str, Any], proof: Proof) -> HttpRequest:
    """Write a request; `target` is its path and query.

    Raises: WrongArguments naming the argument that cannot be written.
    """
    path = operation.path
    query: list[str] = []
    headers: list[tuple[str, str]] = [("accept", operation.result.accept)]
    cookies: list[tuple[str, str]] = []
    for each in operation.parameters:
        if each.argument not in arguments:
            continue
        value = arguments[each.argument]
        if each.where is Where.PATH:
            path = path.replace(f"{{{each.name}}}", each.in_path(value))
        elif value is None:
            continue
        elif each.where is Where.QUERY:
            query += each.in_query(value)
        elif each.where is Where.HEADER:
            headers.append((each.name, each.in_header(value)))
        else:
            cookies.append((each.name, each.in_header(value)))
    headers += proof.headers
    query += [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in proof.query]
    cookies += proof.cookies
    if cookies:
        headers.append(("cookie", "; ".join(f"{name}={value}" for name, value in cookies)))
    body = None
    if operation.body is not None and BODY in arguments:
        body = operation.body.write(arguments[BODY])
        if body.media_type:
            headers.append(("content-type", body.media_type))
    target = f"{path}?{'&'.join(query)}" if query else path
    return HttpRequest(operation.method.upper(), target, tuple(headers), body)
