"""Messages and stubs of the interop test service, made from service.proto when first imported.

Not generated into the package: they are for tests alone, and grpcio-tools is there with them.
"""

from typing import Any

import grpc

pb2: Any
pb2_grpc: Any
pb2, pb2_grpc = grpc.protos_and_services("tests/interop/service.proto")

SERVICE = "grpc.testing.TestService"
