// A tool server in Go: it serves one tool, registers it with a router under a lease, and leaves
// in good order.
//
//	sh generate.sh && go run . [ROUTER HOST:PORT]
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "mcpmesh.example/wordcount/mcpmeshv1"
)

const (
	toolName = "word_count"
	schema   = `{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}`
)

type toolServer struct {
	pb.UnimplementedToolServiceServer
}

// Invoke counts words. What a model can act on is a result with is_error, not a status.
func (toolServer) Invoke(ctx context.Context, call *pb.InvokeRequest) (*pb.InvokeResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if names := md.Get("mcp-name"); len(names) > 0 && names[0] != call.Tool {
		return nil, status.Errorf(codes.InvalidArgument, "mcp-name is %q, the message names %q", names[0], call.Tool)
	}
	if call.Tool != toolName {
		return nil, status.Errorf(codes.NotFound, "no tool %q here", call.Tool)
	}
	var arguments struct{ Text *string }
	if err := json.Unmarshal(call.Arguments, &arguments); err != nil || arguments.Text == nil {
		return failed("INVALID_ARGUMENT", "text is missing, or is not a string. Expected: text: string."), nil
	}
	words := len(strings.Fields(*arguments.Text))
	return &pb.InvokeResponse{Outcome: &pb.InvokeResponse_Result{Result: &pb.ToolResult{
		Content:           []*pb.Content{text(fmt.Sprintf("%d words", words))},
		StructuredContent: fmt.Appendf(nil, `{"words":%d}`, words),
	}}}, nil
}

// InvokeStream has nothing to stream: the outcome is its only event. MCP clients that ask for
// progress come here.
func (s toolServer) InvokeStream(call *pb.InvokeRequest, events grpc.ServerStreamingServer[pb.InvokeEvent]) error {
	answer, err := s.Invoke(events.Context(), call)
	if err != nil {
		return err
	}
	return events.Send(&pb.InvokeEvent{Event: &pb.InvokeEvent_Result{Result: answer.GetResult()}})
}

func failed(code, sentence string) *pb.InvokeResponse {
	return &pb.InvokeResponse{Outcome: &pb.InvokeResponse_Result{Result: &pb.ToolResult{
		Content: []*pb.Content{text(sentence)},
		IsError: true,
		Error:   &pb.ToolError{Code: code},
	}}}
}

func text(s string) *pb.Content {
	return &pb.Content{Block: &pb.Content_Text{Text: &pb.TextContent{Text: s}}}
}

// stayRegistered holds a lease until the context ends, then drains; it returns the lease.
func stayRegistered(ctx context.Context, router pb.RegistryServiceClient, me *pb.RegisterRequest) string {
	lease, wait := "", time.Duration(0)
	for {
		select {
		case <-ctx.Done():
			_, _ = router.Drain(context.Background(), &pb.DrainRequest{LeaseId: lease})
			return lease
		case <-time.After(wait):
		}
		rpc, cancel := context.WithTimeout(ctx, 3*time.Second)
		if lease == "" {
			if answer, err := router.Register(rpc, me); err != nil {
				log.Print("cannot register: ", err)
				wait = time.Second
			} else {
				lease, wait = answer.LeaseId, answer.Ttl.AsDuration()/3
				log.Printf("registered %s, version %s", toolName, answer.Tools[0].Version)
			}
		} else if answer, err := router.Renew(rpc, &pb.RenewRequest{LeaseId: lease}); err == nil {
			wait = answer.Ttl.AsDuration() / 3
		} else if status.Code(err) == codes.NotFound {
			lease, wait = "", 0 // the router restarted
		} else {
			wait = time.Second
		}
		cancel()
	}
}

func main() {
	router := "127.0.0.1:7070"
	if len(os.Args) > 1 {
		router = os.Args[1]
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	connection, err := grpc.NewClient(router, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	server := grpc.NewServer()
	pb.RegisterToolServiceServer(server, toolServer{})
	go func() {
		if err := server.Serve(listener); err != nil {
			log.Fatal(err)
		}
	}()

	stop, done := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer done()
	registry := pb.NewRegistryServiceClient(connection)
	readOnly := true
	lease := stayRegistered(stop, registry, &pb.RegisterRequest{
		Replica: &pb.Replica{
			Id:       fmt.Sprintf("wordcount-%08x", rand.Uint32()), // new with every start
			Server:   "wordcount",
			Endpoint: listener.Addr().String(),
		},
		Tools: []*pb.Tool{{
			Name:        toolName,
			Description: "Count the words of a text.",
			InputSchema: []byte(schema),
			Annotations: &pb.ToolAnnotations{ReadOnlyHint: &readOnly, IdempotentHint: &readOnly},
		}},
	})
	server.GracefulStop() // what runs may finish
	_, _ = registry.Deregister(context.Background(), &pb.DeregisterRequest{LeaseId: lease})
}
