"""The page about gRPC and HTTP services that are adopted, with the reference of their settings."""

from dataclasses import fields
from typing import Any

from mcpmesh.cli.reference_tools import settings_table
from mcpmesh.config import GrpcServiceSettings, OpenApiSettings

_PAGE = """\
# Services as tools

Written by `make docs`; the tables are the settings themselves.

An existing gRPC service and an HTTP API with an OpenAPI document become tools of the mesh without
code. A process stands in front of each address: it registers the tools, checks arguments, calls the
service, and turns its answers into results. Several addresses of one service are replicas: calls
are balanced over them, and one that is lost takes none until it is back.

Secrets stand as `${{NAME}}`, a variable of the environment, in the configuration. They are in no
description of a tool and in no line of the log, and are taken out of what a service says.

## gRPC services

```sh
mcpmesh adopt grpc://127.0.0.1:50051
mcpmesh adopt grpcs://a.example:443 grpcs://b.example:443 --only 'shop.v1.Orders/*' \\
  --header 'authorization: Bearer ${{SHOP_TOKEN}}'
mcpmesh adopt grpc://127.0.0.1:50051 --descriptor-set shop.binpb
```

Or in the configuration of `mcpmesh up`:

```toml
[adopt.shop]
kind = "grpc"
addresses = ["10.0.0.7:50051", "10.0.0.8:50051"]
only = ["shop.v1.Orders/*"]
metadata = {{ authorization = "Bearer ${{SHOP_TOKEN}}" }}
```

The service says what it has by server reflection (v1, or v1alpha), or a file does that protoc
wrote: `protoc --include_imports --include_source_info --descriptor_set_out=shop.binpb shop.proto`.
Such a file has the comments of the protos, which become the descriptions of tools and arguments;
what servers reflect mostly has not. Reflection is asked anew after each loss of the connection.
gRPC's own services (health, reflection) are tools only when a pattern of `only` begins with
`grpc.`.

- **Names.** `shop.v1.Orders/Get` is the tool `Orders_Get`; with two services called Orders, both
  have their package in front: `shop_v1_Orders_Get`.
- **Arguments and results** are the JSON of protobuf: enums by name, 64-bit integers as texts (or as
  numbers, in arguments), bytes as base64, timestamps and durations as texts, wrappers as what they
  wrap. A field of a message that excludes others says so. What a call must have is what
  `google.api.field_behavior` (or proto2) says. Results have fields with their default values too. A
  message whose JSON is no object, such as a Timestamp, stands in `value`.
- **Any** is written for types that the protos of the service hold, and read for those and for what
  reflection knows besides.
- **Streams.** Each answer of a stream is a chunk as it comes; the structured result has
  `messages`, the last {kept} of them, and `leftOut` says how many are missing. A stream of requests
  is one argument, the list `messages`: a tool has all its arguments before it starts. So methods
  whose callers answer to answers can be called, but not held a conversation with.
- **Errors.** A status is a tool error with its name, its message, and the details of
  `google.rpc.Status` where the mesh or the protos know their types. UNAVAILABLE may go to another
  replica, as for any tool; a call that was not sent always may.
- **Deadline, cancellation, trace** are passed on, and metadata as `metadata` and `forward` say.
- **Callers with the protos** find the service at the router too: a call of
  `/shop.v1.Orders/Get` is relayed unopened, straight to one of the addresses. For that the router
  must reach the address itself and speak TLS as the service does; a line in the log says when it is
  left out, and `native = false` switches it off.

{grpc}

## HTTP APIs with an OpenAPI document

Needs `pip install 'mcpmesh[openapi]'`.

```sh
mcpmesh adopt openapi:petstore.yaml --base-url https://petstore.example/api/v3 \\
  --only 'tag:pet' --secret 'api_key=${{PETSTORE_KEY}}'
```

```toml
[adopt.petstore]
kind = "openapi"
document = "https://petstore.example/api/v3/openapi.json"
only = ["tag:pet", "GET /store/*"]
secrets = {{ api_key = "${{PETSTORE_KEY}}" }}
```

Documents are of OpenAPI 3.0 or 3.1, in JSON or YAML. References are followed within the document
and the `documents` that you list; nothing is fetched because a document names it. An operation
that cannot be read is left out with a warning, and hides no other.

- **Names** are the operation's id, or its method and path: `get_pets_petId`. Patterns of `only`
  fit ids, `METHOD /path`, or `tag:NAME`.
- **Arguments** are the parameters of path, query, header and cookie, in their styles, and `body`.
  Of two parameters of one name the second has its place behind it: `id_query`. Bodies go out as
  JSON where the document lets them, else as a form, as parts (files are base64), as text, or as
  bytes (base64). A body that is XML alone is a text, written by the caller; its schema says what
  it holds.
- **Results** in JSON are structured; one that is no object stands in `result`. Pictures, audio and
  text are content, and other bytes an embedded resource. An answer that its document does not
  declare is a tool error with an excerpt: MCP clients would refuse it. `make
  interop-adopt` calls every operation of Swagger's Petstore, in 3.0 and in 3.1, as a tool and over
  HTTP, and compares what comes.
- **Errors.** A status that is no success is a tool error with its number and an excerpt of the
  body. 502, 503 and a lost connection may go to another replica, as for any tool. 429 is for the
  model, with the time to wait that the API names. Redirects are not followed, for secrets would go
  along.
- **Security schemes** get their secrets by name: a key for `apiKey`, `USER:PASSWORD` for basic, a
  token for bearer, OAuth 2 and OpenID Connect. An operation gets what it asks for and no more.
- **Connections** are kept, and the document is read again when one to the API could not be made.
  Proxies of the environment are not used.

{openapi}
"""


def services_page(kept: int) -> str:
    """Return the page; `kept` is how many messages of a stream its result repeats."""
    return _PAGE.format(
        kept=f"{kept:,}", grpc=_table(GrpcServiceSettings), openapi=_table(OpenApiSettings)
    )


def _table(kind: type[Any]) -> str:
    return settings_table(kind, fields(kind))
