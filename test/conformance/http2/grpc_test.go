package http2

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// A call of gRPC is a request of HTTP/2 whose messages are framed by their length,
// and whose status is in the trailer. What is in messages nobody looks at here.
const grpcType = "application/grpc+proto"

// calls answers the four kinds of calls.
func calls(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 2 || r.Header.Get("Te") != "trailers" || r.Header.Get("Content-Type") != grpcType {
		http.Error(w, "no call of gRPC", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", grpcType)
	w.Header().Set("X-Timeout", r.Header.Get("Grpc-Timeout"))
	if strings.HasSuffix(r.URL.Path, "/Refuse") { // head and trailer in one
		w.Header().Set("Grpc-Status", "5")
		w.Header().Set("Grpc-Message", "no such pet")
		return
	}
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
	rc := http.NewResponseController(w)
	_ = rc.Flush()
	say := func(text string) {
		_, _ = io.WriteString(w, text+"\n")
		_ = rc.Flush()
	}
	switch buf := make([]byte, 100); {
	case strings.HasSuffix(r.URL.Path, "/List"): // one message, then many
		_, _ = io.ReadAll(r.Body)
		for i := range 3 {
			say(fmt.Sprint("pet ", i))
		}
	case strings.HasSuffix(r.URL.Path, "/Add"): // many messages, then one
		b, _ := io.ReadAll(r.Body)
		say(fmt.Sprint(strings.Count(string(b), "\n"), " pets"))
	case strings.HasSuffix(r.URL.Path, "/Wait"): // until the client gives up
		<-r.Context().Done()
		return
	default: // one for one
		for {
			n, err := r.Body.Read(buf)
			if n > 0 {
				say("heard " + strings.TrimSpace(string(buf[:n])))
			}
			if err != nil || strings.Contains(string(buf[:n]), "bye") {
				break
			}
		}
	}
	w.Header().Set("Grpc-Status", "0")
}

// TestGRPC makes the four kinds of calls of gRPC through an HTTP API to a backend.
func TestGRPC(t *testing.T) {
	var proto http.Protocols
	proto.SetUnencryptedHTTP2(true)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Protocols: &proto, ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(calls)}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() { _ = srv.Close(); <-served }()
	url := serveCluster(t, "{endpoints: [\""+ln.Addr().String()+"\"], protocol: h2}")
	client := &http.Client{Transport: &http.Transport{Protocols: &proto}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	for _, tt := range []struct{ method, body, want, status string }{
		{"List", "all\n", "pet 0\npet 1\npet 2\n", "0"},
		{"Add", "a\nb\nc\n", "3 pets\n", "0"},
		{"Get", "a\n", "heard a\n", "0"},
		{"Refuse", "a\n", "", "5"},
	} {
		resp, err := client.Do(grpcCall(t.Context(), t, url+"/shop.Pets/"+tt.method, strings.NewReader(tt.body)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		status := resp.Trailer.Get("Grpc-Status") + resp.Header.Get("Grpc-Status")
		if err != nil || string(b) != tt.want || status != tt.status || resp.Header.Get("X-Timeout") != "5S" {
			t.Errorf("%s: %q, status %q, timeout %q, %v", tt.method, b, status, resp.Header.Get("X-Timeout"), err)
		}
	}
	pr, pw := io.Pipe()
	resp, err := client.Do(grpcCall(t.Context(), t, url+"/shop.Pets/Talk", pr))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	buf := make([]byte, 100)
	for _, word := range []string{"one", "two", "bye"} {
		_, _ = io.WriteString(pw, word+"\n")
		if n, err := resp.Body.Read(buf); err != nil || string(buf[:n]) != "heard "+word+"\n" {
			t.Fatalf("%q: %q, %v", word, buf[:n], err)
		}
	}
	if n, err := resp.Body.Read(buf); n != 0 || err != io.EOF || resp.Trailer.Get("Grpc-Status") != "0" { //nolint:errorlint // bare
		t.Errorf("the end of a talk that the server ended: %d bytes, %v, %v", n, err, resp.Trailer)
	}
	ctx, cancel := context.WithCancel(t.Context())
	resp, err = client.Do(grpcCall(ctx, t, url+"/shop.Pets/Wait", strings.NewReader("x\n")))
	if err != nil {
		t.Fatal(err)
	}
	cancel() // the backend's call ends with it, or closing the backend would hang
	_ = resp.Body.Close()
}

func grpcCall(ctx context.Context, t *testing.T, url string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://unused", body)
	if err != nil {
		t.Fatal(err)
	}
	host, path, _ := strings.Cut(url, "/")
	address, api, _ := strings.Cut(host, "#")
	r.URL.Host, r.URL.Path, r.Host = address, "/"+path, api+".execute-api.us-east-1.amazonaws.com"
	r.Header.Set("Content-Type", grpcType)
	r.Header.Set("Te", "trailers")
	r.Header.Set("Grpc-Timeout", "5S")
	r.ContentLength = -1
	return r
}

// serveCluster starts a server with an HTTP API in front of a cluster, and returns its
// address with the API's id behind a #.
func serveCluster(t *testing.T, definition string) string {
	t.Helper()
	dir := t.TempDir()
	bin, err := gatehousetest.Build(filepath.Join("..", "..", ".."), dir)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"clusters.yaml": "clusters:\n  pets: " + definition + "\n",
		"api.yaml": `openapi: 3.0.1
info: {title: pets, version: "1"}
paths:
  /$default:
    x-amazon-apigateway-any-method:
      isDefaultRoute: true
      x-amazon-apigateway-integration: {type: http_proxy, httpMethod: ANY, uri: "http://pets.cluster", payloadFormatVersion: "1.0"}
`,
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	s, err := gatehousetest.Start(t.Context(), bin, data, "--config", filepath.Join(dir, "clusters.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Stop() })
	out, err := exec.Command(bin, "deploy", filepath.Join(dir, "api.yaml"), "--data", data, "--stage", "$default", "--type", "http").CombinedOutput()
	if err != nil {
		t.Fatalf("deploy: %v\n%s", err, out)
	}
	m := regexp.MustCompile(`http://([0-9.:]+)/_aws/execute-api/([a-z0-9]+)`).FindStringSubmatch(string(out))
	if m == nil {
		t.Fatalf("no URL in %s", out)
	}
	return m[1] + "#" + m[2]
}
