package sdk_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/grpclog"
	"google.golang.org/grpc/interop"
	testgrpc "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/status"

	"gatehouse/internal/upstream/upstreamtest"
	"gatehouse/test/gatehousetest"
)

// fatal is the log of gRPC's own tests, which end with a line of it when they fail.
type fatal struct {
	grpclog.LoggerV2
	t *testing.T
}

func (f fatal) Fatalln(args ...any) { f.t.Helper(); f.t.Fatal(args...) }

// grpcServer is the server of gRPC's interoperability tests. It returns its address.
func grpcServer(t *testing.T, opt ...grpc.ServerOption) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer(opt...)
	testgrpc.RegisterTestServiceServer(s, interop.NewTestServer())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	t.Cleanup(func() { s.Stop(); <-served })
	return ln.Addr().String()
}

// writePEM writes files of a certificate, its key and who signed it.
func writePEM(t *testing.T, dir string, a *upstreamtest.Authority, cert *tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ca.pem":   {Type: "CERTIFICATE", Bytes: a.Root()},
		"cert.pem": {Type: "CERTIFICATE", Bytes: cert.Certificate[0]},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// dialCluster starts a server whose one HTTP API calls a cluster of this definition, and
// connects grpc-go to it.
func dialCluster(t *testing.T, dir, definition string) *grpc.ClientConn {
	t.Helper()
	config := filepath.Join(dir, "clusters.yaml")
	if err := os.WriteFile(config, []byte("clusters:\n  calls: "+definition+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, "--config", config)
	api, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	id := proxyAPI(t, api, "http://calls.cluster")
	cc, err := grpc.NewClient(s.DataPlane()[len("http://"):], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(id+".execute-api."+region+".amazonaws.com"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cc.Close() })
	return cc
}

// proxyAPI makes an HTTP API that passes everything on.
func proxyAPI(t *testing.T, api *gatehousetest.Client, target string) (id string) {
	t.Helper()
	var out struct {
		APIID string `json:"apiId"`
	}
	if err := api.Call(t.Context(), http.MethodPost, "/v2/apis", map[string]any{"name": "calls", "protocolType": "HTTP", "target": target}, &out); err != nil {
		t.Fatal(err)
	}
	return out.APIID
}

// TestGRPCInterop makes the calls of gRPC's own interoperability tests with grpc-go to
// grpc-go through an HTTP API: all four kinds, metadata, trailers, status, deadlines and
// cancellation; without TLS, and over TLS with SNI and a client's certificate.
func TestGRPCInterop(t *testing.T) {
	a := upstreamtest.NewAuthority(t, "test")
	server := a.Issue(t, upstreamtest.Leaf{Host: "calls.test"})
	client := a.Issue(t, upstreamtest.Leaf{Host: "gatehouse"})
	dir := t.TempDir()
	writePEM(t, dir, a, client)
	mutual := credentials.NewTLS(&tls.Config{
		Certificates: []tls.Certificate{*server}, ClientCAs: a.Pool(), ClientAuth: tls.RequireAndVerifyClientCert, MinVersion: tls.VersionTLS12,
	})
	plain, secure := grpcServer(t), grpcServer(t, grpc.Creds(mutual))
	for name, definition := range map[string]string{
		"plain":  fmt.Sprintf("{endpoints: [%q], protocol: h2}", plain),
		"mutual": fmt.Sprintf("{endpoints: [%q], protocol: h2, tls: {server-name: calls.test, ca: %[2]s/ca.pem, cert: %[2]s/cert.pem, key: %[2]s/key.pem}}", secure, dir),
	} {
		t.Run(name, func(t *testing.T) { interoperate(t, dialCluster(t, t.TempDir(), definition)) })
	}
}

func interoperate(t *testing.T, cc *grpc.ClientConn) {
	tc := testgrpc.NewTestServiceClient(cc)
	for _, one := range []struct {
		name string
		do   func(context.Context, testgrpc.TestServiceClient, ...grpc.CallOption)
	}{
		{"empty unary", interop.DoEmptyUnaryCall},
		{"large unary", interop.DoLargeUnaryCall},
		{"client streaming", interop.DoClientStreaming},
		{"server streaming", interop.DoServerStreaming},
		{"ping pong", interop.DoPingPong},
		{"empty stream", interop.DoEmptyStream},
		{"timeout on sleeping server", interop.DoTimeoutOnSleepingServer},
		{"cancel after begin", interop.DoCancelAfterBegin},
		{"cancel after first response", interop.DoCancelAfterFirstResponse},
		{"custom metadata", interop.DoCustomMetadata},
		{"status code and message", interop.DoStatusCodeAndMessage},
		{"special status message", interop.DoSpecialStatusMessage},
	} {
		t.Run(one.name, func(t *testing.T) {
			grpclog.SetLoggerV2(fatal{grpclog.NewLoggerV2(t.Output(), t.Output(), t.Output()), t})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			one.do(ctx, tc)
		})
	}
	t.Run("unimplemented", func(t *testing.T) {
		_, err := tc.UnimplementedCall(t.Context(), new(testgrpc.Empty))
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("%v", err)
		}
	})
}
