package wire_test

import (
	"strings"
	"testing"

	"gatehouse/internal/wire"
)

// What a browser-like client and a small backend send.
var (
	someRequest = []byte("GET /r500/items/12345?page=2&size=50 HTTP/1.1\r\n" +
		"Host: a1b2c3d4e5.execute-api.us-east-1.localhost:8080\r\n" +
		"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n" +
		"Accept: application/json, text/plain, */*\r\nAccept-Language: en-US,en;q=0.5\r\n" +
		"Accept-Encoding: gzip, deflate, br\r\nX-Api-Key: key-0500-0123456789abcdef\r\n" +
		"Authorization: Bearer " + strings.Repeat("abcdefgh", 20) + "\r\nConnection: keep-alive\r\n\r\n")
	someResponse = []byte("HTTP/1.1 200 OK\r\nServer: backend\r\nDate: Sun, 22 Nov 2026 23:00:00 GMT\r\n" +
		"Content-Type: application/json\r\nContent-Length: 58\r\nConnection: keep-alive\r\nCache-Control: no-store\r\n\r\n")
)

func parseRequest(tb testing.TB, req *wire.Request) {
	req.Reset()
	if n, err := wire.ParseRequestHead(someRequest, req, &headLimits); err != nil || n != len(someRequest) {
		tb.Fatal(n, err)
	}
}

func parseResponse(tb testing.TB, resp *wire.Response) {
	resp.Reset()
	if n, err := wire.ParseResponseHead(someResponse, resp, 100); err != nil || n != len(someResponse) {
		tb.Fatal(n, err)
	}
}

func TestCodecAllocs(t *testing.T) {
	var req wire.Request
	var resp wire.Response
	dst := make([]byte, 0, 4096)
	framing := wire.Framing{Length: 58, Date: "Sun, 22 Nov 2026 23:00:00 GMT"}
	parseRequest(t, &req)
	parseResponse(t, &resp)
	if n := testing.AllocsPerRun(100, func() {
		parseRequest(t, &req)
		parseResponse(t, &resp)
		wire.StripHopByHop(&req.Header)
		dst, _ = wire.AppendRequestHead(dst[:0], &req)
		dst, _ = wire.AppendResponseHead(dst[:0], &resp, &framing)
	}); n != 0 {
		t.Errorf("%v allocations, budget 0", n)
	}
}

func BenchmarkParseRequestHead(b *testing.B) {
	var req wire.Request
	b.ReportAllocs()
	b.SetBytes(int64(len(someRequest)))
	for b.Loop() {
		parseRequest(b, &req)
	}
}

func BenchmarkParseResponseHead(b *testing.B) {
	var resp wire.Response
	b.ReportAllocs()
	b.SetBytes(int64(len(someResponse)))
	for b.Loop() {
		parseResponse(b, &resp)
	}
}

func BenchmarkAppendRequestHead(b *testing.B) {
	var req wire.Request
	parseRequest(b, &req)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = wire.AppendRequestHead(dst[:0], &req)
	}
}

func BenchmarkAppendResponseHead(b *testing.B) {
	var resp wire.Response
	parseResponse(b, &resp)
	dst := make([]byte, 0, 4096)
	framing := wire.Framing{Length: 58, Date: "Sun, 22 Nov 2026 23:00:00 GMT"}
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = wire.AppendResponseHead(dst[:0], &resp, &framing)
	}
}

func BenchmarkChunked(b *testing.B) {
	src := []byte(strings.Repeat("400\r\n"+strings.Repeat("a", 1024)+"\r\n", 16) + "0\r\n\r\n")
	dst := make([]byte, len(src))
	var c wire.Chunked
	b.ReportAllocs()
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		c.Reset()
		if _, _, err := c.Decode(dst, src); err != nil || !c.Done() {
			b.Fatal(err)
		}
	}
}
