"""A server of the Petstore, and of a few things that a server should not do."""

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

TOKEN = "t0ken-of-the-store"
KEY = "k3y-of-the-store"


class Petstore:
    """Pets, orders and users; `waiting` is set while a call hangs, `left` when its caller went."""

    def __init__(self) -> None:
        self.pets: dict[int, Any] = {}
        self.orders: dict[int, Any] = {}
        self.users: dict[str, Any] = {}
        self.calls = 0
        self.waiting = asyncio.Event()
        self.left = asyncio.Event()

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        api = "/api/v3"
        of = {
            "/pet": (self.pet, ["POST", "PUT"]),
            "/pet/findByStatus": (self.by_status, ["GET"]),
            "/pet/findByTags": (self.by_tags, ["GET"]),
            "/pet/{id:int}": (self.one_pet, ["GET", "POST", "DELETE"]),
            "/pet/{id:int}/uploadImage": (self.upload, ["POST"]),
            "/store/inventory": (self.inventory, ["GET"]),
            "/store/order": (self.order, ["POST"]),
            "/store/order/{id:int}": (self.one_order, ["GET", "DELETE"]),
            "/user": (self.user, ["POST"]),
            "/user/createWithList": (self.user_list, ["POST"]),
            "/user/login": (self.login, ["GET"]),
            "/user/logout": (self.logout, ["GET"]),
            "/user/{name}": (self.one_user, ["GET", "PUT", "DELETE"]),
            "/odd/{what}": (self.odd, ["GET", "POST"]),
        }
        routes = [Route(api + path, run, methods=ways) for path, (run, ways) in of.items()]
        return Starlette(
            routes=[*routes, Route("/echo/{rest:path}", echo, methods=["GET", "POST"])]
        )

    async def pet(self, request: Request) -> Response:
        self.calls += 1
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return PlainTextResponse(f"who is {request.headers.get('authorization')}?", 401)
        pet = await request.json()
        if request.method == "PUT" and pet.get("id") not in self.pets:
            return JSONResponse({"message": "no such pet"}, 404)
        pet.setdefault("id", len(self.pets) + 1)
        self.pets[pet["id"]] = pet
        return JSONResponse(pet)

    async def by_status(self, request: Request) -> Response:
        status = request.query_params.get("status", "available")
        return JSONResponse([pet for pet in self.pets.values() if pet.get("status") == status])

    async def by_tags(self, request: Request) -> Response:
        wanted = set(request.query_params.getlist("tags"))
        return JSONResponse(
            [
                pet
                for pet in self.pets.values()
                if wanted & {tag["name"] for tag in pet.get("tags", ())}
            ]
        )

    async def one_pet(self, request: Request) -> Response:
        pet = self.pets.get(request.path_params["id"])
        if pet is None:
            return JSONResponse({"message": "no such pet"}, 404)
        if request.method == "DELETE":
            del self.pets[pet["id"]]
            return Response()
        if request.method == "POST":
            pet.update(request.query_params)
        return JSONResponse(pet)

    async def upload(self, request: Request) -> Response:
        body = await request.body()
        said = request.query_params.get("additionalMetadata", "")
        kind = request.headers["content-type"]
        return JSONResponse({"code": 200, "type": kind, "message": f"{said}: {len(body)} bytes"})

    async def inventory(self, request: Request) -> Response:
        if request.headers.get("api_key") != KEY:
            return PlainTextResponse("no key", 403)
        counted: dict[str, int] = {}
        for pet in self.pets.values():
            counted[pet["status"]] = counted.get(pet["status"], 0) + 1
        return JSONResponse(counted)

    async def order(self, request: Request) -> Response:
        order = {"id": len(self.orders) + 1, "shipDate": None, **await request.json()}
        self.orders[order["id"]] = order
        return JSONResponse(order)

    async def one_order(self, request: Request) -> Response:
        order = self.orders.get(request.path_params["id"])
        if order is None:
            return JSONResponse({"message": "no such order"}, 404)
        if request.method == "DELETE":
            del self.orders[order["id"]]
            return Response(status_code=204)
        return JSONResponse(order)

    async def user(self, request: Request) -> Response:
        form = dict(await request.form())
        self.users[str(form["username"])] = form
        return JSONResponse({key: each for key, each in form.items() if key != "password"})

    async def user_list(self, request: Request) -> Response:
        users = await request.json()
        self.users |= {user["username"]: user for user in users}
        return JSONResponse(users[-1])

    async def login(self, request: Request) -> Response:
        return JSONResponse(f"session of {request.query_params['username']}")

    async def logout(self, request: Request) -> Response:
        return Response()

    async def one_user(self, request: Request) -> Response:
        user = self.users.get(request.path_params["name"])
        if user is None:
            return PlainTextResponse("no such user", 404)
        if request.method == "PUT":
            user.update(await request.json())
        if request.method == "DELETE":
            del self.users[request.path_params["name"]]
            return Response()
        return JSONResponse(user)

    async def odd(self, request: Request) -> Response:
        """Answer as no server should."""
        what = request.path_params["what"]
        if what == "hang":
            self.waiting.set()
            while not await request.is_disconnected():
                await asyncio.sleep(0.01)
            self.left.set()
        bomb = gzip.compress(b"a" * 50_000_000)
        answers = {
            "undeclared": JSONResponse({"id": "not a number", "name": 3}),
            "text": PlainTextResponse("not JSON"),
            "broken": Response(b'{"id": ', media_type="application/json"),
            "huge": Response(b'"' + b"a" * 3_000_000 + b'"', media_type="application/json"),
            "bomb": Response(bomb, headers={"content-encoding": "gzip"}),
            "elsewhere": RedirectResponse("http://elsewhere.example/steal"),
            "busy": PlainTextResponse("too many", 429, {"retry-after": "7"}),
            "broke": PlainTextResponse("a stack trace", 500),
            "away": PlainTextResponse("closed for lunch", 503),
            "image": Response(b"\x89PNG", media_type="image/png"),
        }
        return answers.get(what, Response())


async def echo(request: Request) -> Response:
    """Say what came."""
    return JSONResponse(
        {
            "method": request.method,
            "target": request.scope["raw_path"].decode()
            + ("?" + request.url.query if request.url.query else ""),
            "headers": dict(request.headers),
            "body": (await request.body()).decode(errors="replace"),
        }
    )


@asynccontextmanager
async def served(app: Any, port: int = 0) -> AsyncIterator[str]:
    """Serve an ASGI application; yields its URL."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    # Signals are the tests' own.
    server.capture_signals = _no_signals  # type: ignore[method-assign]
    task = asyncio.create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task
        listening.close()


class _NoSignals:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *_exc: object) -> None:
        pass


def _no_signals() -> Any:
    return _NoSignals()
