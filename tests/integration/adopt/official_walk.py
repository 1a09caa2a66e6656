"""A walk through the official Petstore: calls of tools, and the requests that are the same."""

from base64 import b64encode
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from tests.integration.adopt.official_store import KEY, TOKEN

#: Of 64 bits, and no number that JavaScript could hold.
BIG = 9007199254740993
REX = {
    "id": BIG,
    "name": "Rex & Söhne",
    "category": {"id": 1, "name": "Dogs"},
    "photoUrls": ["https://pets.example/rex.png?size=1&x", "b"],
    "tags": [{"id": 3, "name": "a&b, c"}, {"id": 4, "name": "good"}],
    "status": "available",
}
ORDER = {
    "petId": BIG,
    "quantity": 2,
    "shipDate": "2026-01-02T03:04:05.678Z",
    "status": "placed",
    "complete": False,
}
ADA = {
    "id": 7,
    "username": "ada/l ö?#",
    "firstName": "Ada",
    "email": "a+b@c.example",
    "password": "x y&z=1",
    "userStatus": 1,
}
BOB = {**ADA, "id": 8, "username": "bob"}
PHOTO = bytes(range(256))


@dataclass
class Step:
    """A call of a tool, and the request that is the same; `proof` is what the latter needs."""

    tool: str
    arguments: dict[str, Any]
    method: str
    path: str
    proof: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    status: int = 200

    @property
    def headers(self) -> dict[str, str]:
        proofs = {"token": {"authorization": f"Bearer {TOKEN}"}, "key": {"api_key": KEY}}
        return {**proofs.get(self.proof, {}), **self.options.get("headers", {})}


def steps(version: str) -> list[Step]:
    """Return calls of every operation, most of them several times."""
    tagged = [("tags", "a&b, c"), ("tags", "bad")]
    states = [("status", "available"), ("status", "sold")]
    pet, user = f"/pet/{BIG}", f"/user/{quote(str(ADA['username']), safe='')}"
    secret = {"username": "bob", "password": ADA["password"]}
    if version == "3.0":
        photo: dict[str, Any] = {"body": {"additionalMetadata": "ä", "file": _base64(PHOTO)}}
        sent: dict[str, Any] = {
            "data": {"additionalMetadata": "ä"},
            "files": {"file": ("file", PHOTO, "application/octet-stream")},
        }
    else:
        photo = {"body": _base64(PHOTO)}
        sent = {"content": PHOTO, "headers": {"content-type": "application/octet-stream"}}
    return [
        Step("addPet", {"body": REX}, "POST", "/pet", "token", {"json": REX}),
        Step(
            "updatePet",
            {"body": {**REX, "status": "sold"}},
            "PUT",
            "/pet",
            "token",
            {"json": {**REX, "status": "sold"}},
        ),
        Step(
            "updatePet",
            {"body": {**REX, "id": 5}},
            "PUT",
            "/pet",
            "token",
            {"json": {**REX, "id": 5}},
            404,
        ),
        Step(
            "findPetsByStatus",
            {"status": ["available", "sold"]},
            "GET",
            "/pet/findByStatus",
            "token",
            {"params": states},
        ),
        Step(
            "findPetsByTags",
            {"tags": ["a&b, c", "bad"]},
            "GET",
            "/pet/findByTags",
            "token",
            {"params": tagged},
        ),
        Step("getPetById", {"petId": BIG}, "GET", pet, "key"),
        Step("getPetById", {"petId": 5}, "GET", "/pet/5", "key", {}, 404),
        Step(
            "updatePetWithForm",
            {"petId": BIG, "body": {"name": "Max & Söhne=1", "status": "pending"}},
            "POST",
            pet,
            "token",
            {"data": {"name": "Max & Söhne=1", "status": "pending"}},
        ),
        Step(
            "uploadFile",
            {"petId": BIG, **photo},
            "POST",
            f"{pet}/uploadImage",
            "token",
            sent,
        ),
        Step("getInventory", {}, "GET", "/store/inventory", "key"),
        Step("placeOrder", {"body": ORDER}, "POST", "/store/order", "", {"json": ORDER}),
        Step(
            "placeOrder",
            {"body": {"quantity": 0}},
            "POST",
            "/store/order",
            "",
            {"json": {"quantity": 0}},
            400,
        ),
        Step("getOrderById", {"orderId": 1}, "GET", "/store/order/1"),
        Step("deleteOrder", {"orderId": 1}, "DELETE", "/store/order/1", status=204),
        Step("getOrderById", {"orderId": 1}, "GET", "/store/order/1", status=404),
        Step("createUser", {"body": ADA}, "POST", "/user", "", {"json": ADA}),
        Step(
            "createUsersWithArrayInput",
            {"body": [BOB]},
            "POST",
            "/user/createWithArray",
            "",
            {"json": [BOB]},
        ),
        Step(
            "createUsersWithListInput",
            {"body": [BOB, ADA]},
            "POST",
            "/user/createWithList",
            "",
            {"json": [BOB, ADA]},
        ),
        Step("loginUser", secret, "GET", "/user/login", "", {"params": secret}),
        Step(
            "loginUser",
            {**secret, "password": "no"},
            "GET",
            "/user/login",
            "",
            {"params": {**secret, "password": "no"}},
            400,
        ),
        Step("logoutUser", {}, "GET", "/user/logout"),
        Step("getUserByName", {"username": ADA["username"]}, "GET", user),
        Step(
            "updateUser",
            {"username": ADA["username"], "body": {**ADA, "lastName": "L."}},
            "PUT",
            user,
            "",
            {"json": {**ADA, "lastName": "L."}},
        ),
        Step("deleteUser", {"username": ADA["username"]}, "DELETE", user),
        Step(
            "deletePet",
            {"petId": BIG, "api_key": "a caller's own"},
            "DELETE",
            pet,
            "token",
            {"headers": {"api_key": "a caller's own"}},
        ),
    ]


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
