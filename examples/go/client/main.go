// Calls tools from Go with the generated stubs: one unary call, one stream, one failure, and one
// tool that does not exist.
//
//	sh generate.sh && go run ./client [ROUTER HOST:PORT]
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	pb "mcpmesh.example/wordcount/mcpmeshv1"
)

type mesh struct{ tools pb.ToolServiceClient }

// request writes a call; arguments travel as JSON bytes.
func request(tool string, arguments map[string]any) *pb.InvokeRequest {
	encoded, err := json.Marshal(arguments)
	if err != nil {
		log.Fatal(err)
	}
	return &pb.InvokeRequest{Tool: tool, Arguments: encoded}
}

// named gives a call its deadline, and the tool's name as metadata: with it, the router need not
// open the message.
func named(tool string) (context.Context, context.CancelFunc) {
	ctx := metadata.AppendToOutgoingContext(context.Background(), "mcp-name", tool)
	return context.WithTimeout(ctx, 5*time.Second)
}

func (m mesh) invoke(tool string, arguments map[string]any) (*pb.ToolResult, error) {
	ctx, cancel := named(tool)
	defer cancel()
	answer, err := m.tools.Invoke(ctx, request(tool, arguments))
	if err != nil {
		return nil, err
	}
	return answer.GetResult(), nil // nil when the tool asks back: answer.GetInputRequired()
}

// count follows a stream to its end and counts its content.
func (m mesh) count(tool string, arguments map[string]any) (int, error) {
	ctx, cancel := named(tool)
	defer cancel()
	events, err := m.tools.InvokeStream(ctx, request(tool, arguments))
	if err != nil {
		return 0, err
	}
	contents := 0
	for {
		event, err := events.Recv()
		if errors.Is(err, io.EOF) {
			return contents, nil
		} else if err != nil {
			return contents, err
		}
		if event.GetContent() != nil {
			contents++
		}
	}
}

func main() {
	target := "127.0.0.1:7070"
	if len(os.Args) > 1 {
		target = os.Args[1]
	}
	connection, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	m := mesh{pb.NewToolServiceClient(connection)}

	month, err := m.invoke("weather_month", map[string]any{"year": 2012, "month": 7})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("unary: %s\n", month.StructuredContent)

	prices, err := m.count("prices", map[string]any{"symbol": "MSFT", "delay": 0})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("server streaming:", prices, "prices")

	refused, err := m.invoke("flaky", map[string]any{"how": "refuse"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("a tool's failure is a result:", refused.IsError, refused.Content[0].GetText().GetText())

	_, err = m.invoke("wether_month", nil)
	fmt.Println("an unknown tool is a status:", status.Code(err), status.Convert(err).Message())
}
