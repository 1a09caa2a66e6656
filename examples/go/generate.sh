#!/bin/sh
# Generates the Go stubs of protos/ into mcpmeshv1/.
# Needs Go, and protoc (or Python with grpcio-tools: PROTOC='python -m grpc_tools.protoc').
set -eu
cd "$(dirname "$0")"
bin="$PWD/.bin"
GOBIN="$bin" go install google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.10
GOBIN="$bin" go install google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.5.1

# The protos name no Go package; each file is given one here.
package=mcpmesh.example/wordcount/mcpmeshv1
options=''
for file in tool invoke discovery registry; do
    named="Mmcpmesh/v1/$file.proto=$package"
    options="$options --go_opt=$named --go-grpc_opt=$named"
done
rm -rf mcpmeshv1
# shellcheck disable=SC2086  # words on purpose
${PROTOC:-protoc} -I../../protos \
    --plugin="$bin/protoc-gen-go" --plugin="$bin/protoc-gen-go-grpc" \
    --go_out=. --go_opt=module=mcpmesh.example/wordcount \
    --go-grpc_out=. --go-grpc_opt=module=mcpmesh.example/wordcount \
    $options \
    mcpmesh/v1/tool.proto mcpmesh/v1/invoke.proto mcpmesh/v1/discovery.proto mcpmesh/v1/registry.proto
