"""A server of the official Petstore document: each of its operations, in memory.

It speaks JSON and XML as it is asked to, wants the proofs that the document declares, and keeps
what came, so that two such stores can be compared.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

TOKEN = "t0ken-of-pets"
KEY = "sp3cial-key"
_LISTS = {"photoUrls": "photoUrl", "tags": "tag"}


@dataclass(frozen=True)
class Seen:
    """What came with a request, read as HTTP means it."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    authorization: str | None
    api_key: str | None
    media_type: str
    body: Any


@dataclass
class OfficialStore:
    """Pets, orders, users and files."""

    pets: dict[int, Any] = field(default_factory=dict)
    orders: dict[int, Any] = field(default_factory=dict)
    users: dict[str, Any] = field(default_factory=dict)
    files: list[tuple[int, Any]] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        of = {
            "/pet": (self._put_pet, ["POST", "PUT"]),
            "/pet/findByStatus": (self._by_status, ["GET"]),
            "/pet/findByTags": (self._by_tags, ["GET"]),
            "/pet/{id:int}": (self._pet, ["GET", "POST", "DELETE"]),
            "/pet/{id:int}/uploadImage": (self._upload, ["POST"]),
            "/store/inventory": (self._inventory, ["GET"]),
            "/store/order": (self._order, ["POST"]),
            "/store/order/{id:int}": (self._one_order, ["GET", "DELETE"]),
            "/user": (self._create_user, ["POST"]),
            "/user/createWithArray": (self._create_users, ["POST"]),
            "/user/createWithList": (self._create_users, ["POST"]),
            "/user/login": (self._login, ["GET"]),
            "/user/logout": (self._logout, ["GET"]),
            "/user/{name:path}": (self._user, ["GET", "PUT", "DELETE"]),
        }
        return Starlette(
            routes=[
                Route(f"/v2{path}", self._noted(run), methods=ways)
                for path, (run, ways) in of.items()
            ]
        )

    def _noted(self, run: Any) -> Any:
        async def noted(request: Request) -> Response:
            media_type = request.headers.get("content-type", "").partition(";")[0]
            body = await _body(request, media_type)
            self.seen.append(
                Seen(
                    request.method,
                    request.scope["raw_path"].decode(),
                    tuple(request.query_params.multi_items()),
                    request.headers.get("authorization"),
                    request.headers.get("api_key"),
                    media_type,
                    body,
                )
            )
            refusal = _refusal(request)
            answer: Response = refusal if refusal is not None else run(request, body)
            return answer

        return noted

    def _put_pet(self, request: Request, pet: Any) -> Response:
        if "name" not in pet or "photoUrls" not in pet:
            return PlainTextResponse("Invalid input", 405)
        if request.method == "PUT" and pet.get("id") not in self.pets:
            return PlainTextResponse("Pet not found", 404)
        pet.setdefault("id", len(self.pets) + 1)
        self.pets[pet["id"]] = pet
        return _written(request, "Pet", pet)

    def _by_status(self, request: Request, _: Any) -> Response:
        wanted = request.query_params.getlist("status")
        return _written(
            request, "Pet", [pet for pet in self.pets.values() if pet["status"] in wanted]
        )

    def _by_tags(self, request: Request, _: Any) -> Response:
        wanted = set(request.query_params.getlist("tags"))
        found = [
            pet
            for pet in self.pets.values()
            if wanted & {tag["name"] for tag in pet.get("tags", ())}
        ]
        return _written(request, "Pet", found)

    def _pet(self, request: Request, form: Any) -> Response:
        pet = self.pets.get(request.path_params["id"])
        if pet is None:
            return PlainTextResponse("Pet not found", 404)
        if request.method == "DELETE":
            del self.pets[pet["id"]]
            return Response()
        if request.method == "POST":
            pet.update(form)
            return JSONResponse({"code": 200, "type": "unknown", "message": str(pet["id"])})
        return _written(request, "Pet", pet)

    def _upload(self, request: Request, body: Any) -> Response:
        self.files.append((request.path_params["id"], body))
        size = len(body["file"][2] if isinstance(body, dict) else body)
        return JSONResponse({"code": 200, "type": "unknown", "message": f"{size} bytes"})

    def _inventory(self, request: Request, _: Any) -> Response:
        counted: dict[str, int] = {}
        for pet in self.pets.values():
            counted[pet["status"]] = counted.get(pet["status"], 0) + 1
        return JSONResponse(counted)

    def _order(self, request: Request, order: Any) -> Response:
        if order.get("quantity", 1) < 1:
            return PlainTextResponse("Invalid Order", 400)
        order = {"id": len(self.orders) + 1, **order}
        self.orders[order["id"]] = order
        return _written(request, "Order", order)

    def _one_order(self, request: Request, _: Any) -> Response:
        order = self.orders.get(request.path_params["id"])
        if order is None:
            return JSONResponse({"code": 1, "type": "error", "message": "Order not found"}, 404)
        if request.method == "DELETE":
            del self.orders[order["id"]]
            return Response(status_code=204)
        return _written(request, "Order", order)

    def _create_user(self, request: Request, user: Any) -> Response:
        self.users[user["username"]] = user
        return JSONResponse({"code": 200, "type": "unknown", "message": str(len(self.users))})

    def _create_users(self, request: Request, users: Any) -> Response:
        self.users |= {user["username"]: user for user in users}
        return JSONResponse({"code": 200, "type": "unknown", "message": "ok"})

    def _login(self, request: Request, _: Any) -> Response:
        user = self.users.get(request.query_params["username"])
        if user is None or user["password"] != request.query_params["password"]:
            return PlainTextResponse("Invalid username/password supplied", 400)
        session = JSONResponse(f"logged in user session:{user['id']}")
        session.headers["X-Rate-Limit"] = "5000"
        return session

    def _logout(self, request: Request, _: Any) -> Response:
        return Response()

    def _user(self, request: Request, changed: Any) -> Response:
        name = request.path_params["name"]
        if name not in self.users:
            return PlainTextResponse("User not found", 404)
        if request.method == "PUT":
            self.users[name] = changed
            return Response()
        if request.method == "DELETE":
            del self.users[name]
            return Response()
        return _written(request, "User", self.users[name])


def _refusal(request: Request) -> Response | None:
    """Refuse what does not prove itself as the document says."""
    path = request.url.path.removeprefix("/v2")
    by_key = path == "/store/inventory" or (
        request.method == "GET" and path.removeprefix("/pet/").isdigit()
    )
    if by_key and request.headers.get("api_key") != KEY:
        return PlainTextResponse("wrong key", 403)
    by_token = path.startswith("/pet") and not by_key
    if by_token and request.headers.get("authorization") != f"Bearer {TOKEN}":
        return PlainTextResponse("wrong token", 401)
    return None


async def _body(request: Request, media_type: str) -> Any:
    """Read a body: JSON, XML as the same values, a form, or bytes."""
    if media_type == "application/json":
        return await request.json()
    if media_type == "application/xml":
        return of_xml(await request.body())
    if media_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        form = await request.form()
        return {
            key: (value.filename, value.content_type, await value.read())
            if isinstance(value, UploadFile)
            else value
            for key, value in form.multi_items()
        }
    return await request.body()


def _written(request: Request, name: str, value: Any) -> Response:
    """Write a value as XML where that is asked for before JSON."""
    accept = request.headers.get("accept", "application/json")
    if "xml" in accept.partition(",")[0]:
        return Response(to_xml(name, value), media_type="application/xml")
    return JSONResponse(value)


def to_xml(name: str, value: Any) -> bytes:
    """Write a pet, an order, a user, or a list of them."""
    if isinstance(value, list):
        root = ElementTree.Element(f"{name}s")
        root.extend(_element(name, each) for each in value)
    else:
        root = _element(name, value)
    return ElementTree.tostring(root)


def of_xml(encoded: bytes) -> Any:
    """Read a pet as XML."""
    return _value(ElementTree.fromstring(encoded))


def _element(name: str, value: Any) -> ElementTree.Element:
    element = ElementTree.Element(name)
    if isinstance(value, Mapping):
        element.extend(_element(key, each) for key, each in value.items())
    elif isinstance(value, list):
        element.extend(_element(_LISTS.get(name, "item"), each) for each in value)
    else:
        element.text = str(value)
    return element


def _value(element: ElementTree.Element) -> Any:
    if element.tag in _LISTS:
        return [_value(each) for each in element]
    if len(element):
        return {each.tag: _value(each) for each in element}
    return int(element.text or 0) if element.tag == "id" else element.text or ""
