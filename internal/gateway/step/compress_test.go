package step_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/wire"
)

// decode takes a coding off with the standard library.
func decode(t *testing.T, coding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatalf("%s: %v", coding, err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("%s: %v", coding, err)
	}
	return string(out)
}

// answered makes an exchange with a method response.
func answered(accept, body string, chunked bool, streamed int, lines ...string) *gateway.Exchange {
	x := new(gateway.Exchange)
	var request []string
	if accept != "" {
		for _, line := range strings.Split(accept, "|") {
			request = append(request, "Accept-Encoding: "+line)
		}
	}
	gatewaytest.Fill(x, "GET", "/s/t", "", request...)
	cl := &gatewaytest.Cluster{Body: body, Chunked: chunked, Streamed: max(streamed, 0)}
	if err := cl.Do(context.Background(), &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline); err != nil {
		panic(err)
	}
	x.MethodResponse.Status = 200
	x.MethodResponse.Header.Fields = gatewaytest.Header(lines...)
	x.MethodResponse.Body = x.IntegrationResponse.Body
	x.IntegrationResponse.Body = wire.Body{}
	if streamed < 0 {
		x.MethodResponse.Body = wire.Body{Bytes: []byte(body), Length: int64(len(body))}
	}
	return x
}

// AWS: "Enable payload compression for an API", "Receive an API response with a
// compressed payload".
func TestCompress(t *testing.T) {
	long := strings.Repeat("all work and no play ", 5000)
	tests := []struct {
		name   string
		min    int64
		x      *gateway.Exchange
		coding string // "": as it was
	}{
		{"gzip", 10, answered("gzip", "0123456789", false, 0), "gzip"},
		{"deflate", 10, answered("deflate", "0123456789", false, 0), "deflate"},
		{"in any case", 10, answered("GZip", "0123456789", false, 0), "gzip"},
		{"any size", 0, answered("gzip", "x", false, 0), "gzip"},
		{"too small", 11, answered("gzip", "0123456789", false, 0), ""},
		{"no header", 0, answered("", "0123456789", false, 0), ""},
		{"anything", 0, answered("*", "0123456789", false, 0), ""},
		{"not supported", 0, answered("br", "0123456789", false, 0), ""},
		{"identity", 0, answered("identity", "0123456789", false, 0), ""},
		{"as browsers ask", 0, answered("gzip, deflate, br", "0123456789", false, 0), "gzip"},
		{"the first of equals", 0, answered("deflate, gzip", "0123456789", false, 0), "deflate"},
		{"by weight", 0, answered("gzip;q=0.5, deflate;q=0.9", "0123456789", false, 0), "deflate"},
		{"the best is not supported", 0, answered("br;q=1.0, gzip;q=0.8", "0123456789", false, 0), ""},
		{"the best is identity", 0, answered("gzip;q=0.5, identity", "0123456789", false, 0), ""},
		{"not wanted", 0, answered("gzip;q=0", "0123456789", false, 0), ""},
		{"no weight", 0, answered("gzip;q=high, deflate;q=0.001", "0123456789", false, 0), "deflate"},
		{"two lines", 0, answered("br;q=0.1|gzip", "0123456789", false, 0), "gzip"},
		{"coded already", 0, answered("gzip", "0123456789", false, 0, "Content-Encoding: br"), ""},
		{"no body", 0, answered("gzip", "", false, -1), ""},
		{"whole", 10, answered("gzip", long, false, -1), "gzip"},
		{"streamed", 10, answered("gzip", long, false, 100_000), "gzip"},
		{"streamed from the first byte", 10, answered("deflate", long, false, len(long)), "deflate"},
		{"of unknown length", 10, answered("gzip", long, true, 100_000), "gzip"},
		{"of unknown length, just long enough", int64(len(long)), answered("gzip", long, true, 100_000), "gzip"},
		{"of unknown length, too small", int64(len(long)) + 1, answered("gzip", long, true, 100_000), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			want := string(tt.x.MethodResponse.Body.Bytes)
			if len(want) > 100 || tt.x.MethodResponse.Body.Source != nil && want == "" {
				want = long
			}
			before := tt.x.MethodResponse.Header.Get("Content-Encoding")
			if err := step.NewCompress(tt.min).Do(t.Context(), tt.x); err != nil {
				t.Fatal(err)
			}
			a, err := gatewaytest.Drain(tt.x)
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.x.MethodResponse.Header.Get("Content-Encoding"); got != tt.coding && (tt.coding != "" || got != before) {
				t.Errorf("Content-Encoding %q, want %q", got, tt.coding)
			}
			if a.Length >= 0 && int(a.Length) != len(a.Body) {
				t.Errorf("length %d announced of %d bytes", a.Length, len(a.Body))
			}
			if got := decode(t, tt.coding, a.Body); got != want {
				t.Errorf("body of %d bytes, want %d", len(got), len(want))
			}
		})
	}
}

// A body that breaks off is not given an end.
func TestCompressTorn(t *testing.T) {
	x := answered("gzip", strings.Repeat("x", 100), true, 100)
	x.MethodResponse.Body.Source = &torn{Source: x.MethodResponse.Body.Source}
	if err := step.NewCompress(0).Do(t.Context(), x); err != nil {
		t.Fatal(err)
	}
	a, err := gatewaytest.Drain(x)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want %v", err, io.ErrUnexpectedEOF)
	}
	if r, err := gzip.NewReader(strings.NewReader(a.Body)); err == nil {
		if _, err := io.ReadAll(r); err == nil {
			t.Error("the body looks whole")
		}
	}
}

// torn is a body that ends too early.
type torn struct{ wire.Source }

func (s *torn) Read(p []byte) (int, error) {
	n, err := s.Source.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func compressed(coding, body string) string {
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if coding == "deflate" {
		w = zlib.NewWriter(&b)
	}
	_, _ = io.WriteString(w, body)
	_ = w.Close()
	return b.String()
}

// AWS: rest-execution.md §6.
func TestDecompress(t *testing.T) {
	json := `{"name": "Rex"}`
	bare := compressed("deflate", json)
	bare = bare[2 : len(bare)-4] // without zlib's head and sum
	bomb := compressed("gzip", strings.Repeat("\x00", gateway.MaxBody+1))
	tests := []struct {
		name   string
		coding string
		body   string
		want   string // or the status of the fault
	}{
		{"none", "", json, json},
		{"gzip", "gzip", compressed("gzip", json), json},
		{"deflate", "deflate", compressed("deflate", json), json},
		{"bare deflate", "deflate", bare, json},
		{"in any case", "GZIP", compressed("gzip", json), json},
		{"two members", "gzip", compressed("gzip", json) + compressed("gzip", "!"), json + "!"},
		{"identity", "identity", json, json},
		{"no body", "gzip", "", ""},
		{"as large as may be", "gzip", compressed("gzip", strings.Repeat("\x00", gateway.MaxBody)), strings.Repeat("\x00", gateway.MaxBody)},
		{"a bomb", "gzip", bomb, "413"},
		{"unknown", "br", json, "415"},
		{"two codings", "deflate, gzip", compressed("gzip", json), "415"},
		{"two lines", "gzip|gzip", compressed("gzip", json), "415"},
		{"not coded", "gzip", json, "415"},
		{"not coded either", "deflate", json, "415"},
		{"cut off", "gzip", compressed("gzip", json)[:20], "415"},
		{"a wrong sum", "deflate", compressed("deflate", json)[:20] + "xxxx", "415"},
		{"something after", "gzip", compressed("gzip", json) + "x", "415"},
		{"something after deflate", "deflate", compressed("deflate", json) + "x", "415"},
	}
	for _, tt := range tests {
		for _, streamed := range []bool{false, true} {
			x := new(gateway.Exchange)
			var lines []string
			for _, coding := range strings.Split(tt.coding, "|") {
				if coding != "" {
					lines = append(lines, "Content-Encoding: "+coding)
				}
			}
			gatewaytest.Fill(x, "POST", "/s/t", tt.body, lines...)
			if streamed && tt.body != "" {
				x.MethodRequest.Body = wire.Body{Source: &textSource{r: strings.NewReader(tt.body)}, Length: -1}
			}
			err := step.Decompress{}.Do(t.Context(), x)
			got := ""
			var f *gateway.Fault
			switch {
			case errors.As(err, &f):
				got = statusText(f.StatusCode())
			case err != nil:
				t.Fatal(err)
			default:
				if err := x.ReadBody(); err != nil {
					t.Fatal(err)
				}
				got = string(x.MethodRequest.Body.Bytes)
				if x.MethodRequest.Header.Has(wire.HeaderContentEncoding) {
					t.Errorf("%s: the header is still there", tt.name)
				}
			}
			if got != tt.want {
				t.Errorf("%s (streamed %v) = %.40q of %d bytes, want %.40q", tt.name, streamed, got, len(got), tt.want)
			}
		}
	}
}

func statusText(status int) string {
	return string([]byte{byte('0' + status/100), byte('0' + status/10%10), byte('0' + status%10)})
}

// textSource gives a body that nobody knows the length of.
type textSource struct {
	r   io.Reader
	err error // instead of io.EOF
}

func (s *textSource) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && s.err != nil {
		err = s.err
	}
	return n, err
}

func (s *textSource) Trailer() *wire.Header { return nil }
func (s *textSource) Close() error          { return nil }

// A client that is too slow is told so, not that its coding is wrong.
func TestDecompressSlowClient(t *testing.T) {
	x := new(gateway.Exchange)
	gatewaytest.Fill(x, "POST", "/s/t", "", "Content-Encoding: gzip")
	slow := &wire.Error{Status: 408, Reason: "request body took too long"}
	x.MethodRequest.Body = wire.Body{Source: &textSource{r: strings.NewReader(compressed("gzip", "x")[:12]), err: slow}, Length: -1}
	err := step.Decompress{}.Do(t.Context(), x)
	if f := new(gateway.Fault); !errors.As(err, &f) || f.StatusCode() != 408 {
		t.Errorf("error %v, want a 408", err)
	}
}

// Responses that nobody wants compressed cost nothing; those that are, no
// memory once the pools are filled.
func TestCompressAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("pools drop things at random under the race detector")
	}
	s := step.NewCompress(0)
	for _, accept := range []string{"br", "gzip, deflate"} {
		x := answered(accept, strings.Repeat("0123456789", 100), false, -1)
		body := x.MethodResponse.Body
		x.Buf = make([]byte, 0, 4<<10)
		x.MethodResponse.Header.Fields = make([]wire.Field, 0, 8)
		n := testing.AllocsPerRun(100, func() {
			x.Buf, x.MethodResponse.Header.Fields, x.MethodResponse.Body = x.Buf[:0], x.MethodResponse.Header.Fields[:0], body
			if err := s.Do(t.Context(), x); err != nil {
				t.Fatal(err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations, budget 0", accept, n)
		}
	}
}

// BenchmarkCompress is one response of 10 KB.
func BenchmarkCompress(b *testing.B) {
	s := step.NewCompress(0)
	x := answered("gzip", strings.Repeat(`{"id": 1, "type": "dog", "price": 249.99}, `, 250), false, -1)
	body := x.MethodResponse.Body
	for b.Loop() {
		x.Buf, x.MethodResponse.Header.Fields, x.MethodResponse.Body = x.Buf[:0], x.MethodResponse.Header.Fields[:0], body
		if err := s.Do(context.Background(), x); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(x.MethodResponse.Body.Bytes)), "B/response")
}
