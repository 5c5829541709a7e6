// Program gofunction is a Lambda function as the documentation of aws-lambda-go
// has them. Which of its handlers runs says _HANDLER.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

func main() {
	handlers := map[string]any{
		"proxy": func(_ context.Context, in events.APIGatewayProxyRequest) (events.APIGatewayProxyResponse, error) {
			return events.APIGatewayProxyResponse{StatusCode: 201, Body: in.HTTPMethod + " " + in.Path, Headers: map[string]string{"X-A": "b"}}, nil
		},
		"context": func(ctx context.Context) (map[string]any, error) {
			lc, _ := lambdacontext.FromContext(ctx)
			deadline, ok := ctx.Deadline()
			return map[string]any{
				"id": lc.AwsRequestID, "arn": lc.InvokedFunctionArn, "custom": lc.ClientContext.Custom["a"], "trace": os.Getenv("_X_AMZN_TRACE_ID"),
				"name": lambdacontext.FunctionName, "version": lambdacontext.FunctionVersion, "memory": lambdacontext.MemoryLimitInMB,
				"group": lambdacontext.LogGroupName, "deadline": ok && time.Until(deadline) > time.Second,
			}, nil
		},
		"error":  func() error { return errors.New("no luck") },
		"panic":  func() error { panic("lost") },
		"log":    func() error { log.Print("to the log"); return nil },
		"fatal":  func() error { log.Fatal("the end"); return nil },
		"stream": stream,
	}
	h, ok := handlers[os.Getenv("_HANDLER")]
	if !ok {
		log.Fatalf("no handler %q", os.Getenv("_HANDLER"))
	}
	lambda.Start(h)
}

func stream(_ context.Context, in struct{ Fail bool }) (*events.LambdaFunctionURLStreamingResponse, error) {
	r, w := io.Pipe()
	go func() {
		for i := range 3 {
			fmt.Fprintf(w, "piece %d\n", i)
		}
		if in.Fail {
			_ = w.CloseWithError(errors.New("torn"))
			return
		}
		_ = w.Close()
	}()
	return &events.LambdaFunctionURLStreamingResponse{StatusCode: 202, Headers: map[string]string{"X-A": strings.ToUpper("b")}, Body: r}, nil
}
