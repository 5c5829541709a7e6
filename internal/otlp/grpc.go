package otlp

import (
	"context"
	"crypto/tls"
	"fmt"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// A grpcTransport calls the collector services of OTLP/gRPC.
type grpcTransport struct {
	conn    *grpc.ClientConn
	headers metadata.MD
}

var grpcMethods = [signals]string{
	SignalTraces:  "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
	SignalMetrics: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
	SignalLogs:    "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}

func newGRPC(opt *Options) (*grpcTransport, error) {
	creds := insecure.NewCredentials()
	if opt.Endpoint.Scheme == "https" {
		conf := opt.TLS
		if conf == nil {
			conf = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		creds = credentials.NewTLS(conf)
	}
	call := []grpc.CallOption{grpc.ForceCodec(encoded{})}
	if !opt.Plain {
		call = append(call, grpc.UseCompressor(gzip.Name))
	}
	conn, err := grpc.NewClient("dns:///"+opt.Endpoint.Host, grpc.WithTransportCredentials(creds), grpc.WithDefaultCallOptions(call...), grpc.WithUserAgent("gatehouse"))
	if err != nil {
		return nil, fmt.Errorf("OTLP endpoint: %w", err)
	}
	return &grpcTransport{conn, metadata.New(opt.Headers)}, nil
}

func (g *grpcTransport) close() { _ = g.conn.Close() } // nothing is lost by it

func (g *grpcTransport) send(ctx context.Context, s Signal, message []byte) ([]byte, error) {
	var answer []byte
	err := g.conn.Invoke(metadata.NewOutgoingContext(ctx, g.headers), grpcMethods[s], message, &answer)
	if err == nil {
		return answer, nil
	}
	// OTLP specification, "OTLP/gRPC Response": these may be tried again, the
	// exhausted only if the server says when.
	st := status.Convert(err)
	wait := later{err: err}
	asked := false
	for _, d := range st.Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			wait.after, asked = info.GetRetryDelay().AsDuration(), true
		}
	}
	switch st.Code() {
	case codes.Canceled, codes.DeadlineExceeded, codes.Aborted, codes.OutOfRange, codes.Unavailable, codes.DataLoss:
		return nil, &wait
	case codes.ResourceExhausted:
		if asked {
			return nil, &wait
		}
	}
	return nil, err
}

// encoded is the codec of messages that are protobuf already.
type encoded struct{}

func (encoded) Name() string { return "proto" }

func (encoded) Marshal(v any) ([]byte, error) { return v.([]byte), nil }

func (encoded) Unmarshal(data []byte, v any) error {
	*v.(*[]byte) = append([]byte(nil), data...)
	return nil
}
