package http1

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/wire"
)

// A requestCase is what a client sends on one connection, and what must come
// of it: the statuses answered, "close" if the connection ends then, and the
// requests that reached the handler. Of a connection that stays open, the next
// request must be answered.
type requestCase struct {
	name string
	send string
	want string
	seen string
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

var requestCases = []requestCase{
	{"plain", get, "200", "GET /"},
	{"pipelined", "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n", "200 200", "GET /1, GET /2"},
	{"pipelined behind bodies", "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nabPOST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n" + get, "200 200 200", "POST /1, POST /2, GET /"},
	{"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + smuggled, "200 close", "GET /"},
	{"close among others", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x , CLOSE\r\n\r\n" + smuggled, "200 close", "GET /"},
	{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n" + smuggled, "200 close", "GET /"},
	{"HTTP/1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "200", "GET /"},
	{"HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get, "200 200", "HEAD /, GET /"},
	{"HEAD with body", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" + get, "200 200", "HEAD /, GET /"},
	{"204", "GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n" + get, "204 200", "GET /status/204, GET /"},
	{"GET with body", "GET /b HTTP/1.1\r\nHost: a\r\nContent-Length: 35\r\n\r\n" + smuggled, "200", "GET /b"},
	{"empty line before", "\r\n" + get, "200", "GET /"},

	// The request line.
	{"two empty lines before", "\r\n\r\n" + get, "400 close", ""},
	{"bare LF before", "\n" + get, "400 close", ""},
	{"space before", " " + get, "400 close", ""},
	{"two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"space after version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "400 close", ""},
	{"space in target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"no version", "GET /\r\nHost: a\r\n\r\n", "400 close", ""},
	{"HTTP/0.9", "GET /\r\n", "400 close", ""},
	{"lower-case version", "GET / http/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "505 close", ""},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505 close", ""},
	{"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "400 close", ""},
	{"HTTP/1", "GET / HTTP/1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"HTTP/01.1", "GET / HTTP/01.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"bare LF", "GET / HTTP/1.1\nHost: a\r\n\r\n", "400 close", ""},
	{"bare CR in line", "GET /\rX: HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"illegal method", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"empty method", " / HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"long method", strings.Repeat("A", 33) + " / HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400 close", ""},
	{"NUL in target", "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"high byte in target", "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"braces in target", "GET /{a} HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"pipe in query", "GET /?a|b HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"fragment", "GET /#a HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"brackets in query", "GET /?a[]=1 HTTP/1.1\r\nHost: a\r\n\r\n", "200", "GET /?a[]=1"},
	{"bad escape", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"half escape", "GET /%4 HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"relative target", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "200", "OPTIONS *"},
	{"asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"authority form", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n" + smuggled, "405 close", ""},
	{"authority form with GET", "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", "400 close", ""},
	{"absolute form", "GET http://a/b?c HTTP/1.1\r\nHost: a\r\n\r\n", "200", "GET /b?c"},
	{"absolute form, no path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "200", "GET /"},
	{"absolute form, OPTIONS", "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n", "200", "OPTIONS *"},
	{"absolute form, other Host", "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", "400 close", ""},
	{"absolute form, other port", "GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"absolute form, user", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"absolute form, no host", "GET http:///b HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},
	{"absolute form, other scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "400 close", ""},

	// Field lines.
	{"no Host", "GET / HTTP/1.1\r\n\r\n", "400 close", ""},
	{"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 close", ""},
	{"the same Host twice", "GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "400 close", ""},
	{"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "400 close", ""},
	{"Host list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 close", ""},
	{"Host with path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 close", ""},
	{"Host with user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "400 close", ""},
	{"Host with bad port", "GET / HTTP/1.1\r\nHost: a:80x\r\n\r\n", "400 close", ""},
	{"Host, IPv6", "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "200", "GET /"},
	{"Host, open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "400 close", ""},
	{"space before colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "400 close", ""},
	{"tab before colon", "GET / HTTP/1.1\r\nHost: a\r\nX\t: a\r\n\r\n", "400 close", ""},
	{"empty name", "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n", "400 close", ""},
	{"no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", "400 close", ""},
	{"illegal name", "GET / HTTP/1.1\r\nHost: a\r\nX(: b\r\n\r\n", "400 close", ""},
	{"NUL in name", "GET / HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n", "400 close", ""},
	{"high byte in name", "GET / HTTP/1.1\r\nHost: a\r\nX\xe9: b\r\n\r\n", "400 close", ""},
	{"NUL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "400 close", ""},
	{"control in value", "GET / HTTP/1.1\r\nHost: a\r\nX: 12345678\x0b12345678\r\n\r\n", "400 close", ""},
	{"DEL in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n", "400 close", ""},
	{"tab in value", "GET / HTTP/1.1\r\nHost: a\r\nX: a\tb\r\n\r\n", "200", "GET /"},
	{"high byte in value", "GET / HTTP/1.1\r\nHost: a\r\nX: \xe9\r\n\r\n", "200", "GET /"},
	{"empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "200", "GET /"},
	{"bare LF ends field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "400 close", ""},
	{"bare CR in value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", "400 close", ""},
	{"bare LF ends head", "GET / HTTP/1.1\r\nHost: a\r\n\n" + smuggled, "400 close", ""},
	{"CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", "400 close", ""},
	{"folded", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", "400 close", ""},
	{"folded first", "GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", "400 close", ""},
	{"folded coding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400 close", ""},
	{"bad Connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection: a b\r\n\r\n", "400 close", ""},

	// Sizes of heads.
	{"long target", "GET /" + strings.Repeat("a", 10240) + " HTTP/1.1\r\nHost: a\r\n\r\n", "414 close", ""},
	{"longest target", "GET /" + strings.Repeat("a", 10239) + " HTTP/1.1\r\nHost: a\r\n\r\n", "200", "GET /" + strings.Repeat("a", 10239)},
	{"endless target", "GET /" + strings.Repeat("a", 100000), "414 close", ""},
	{"long header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 20480) + "\r\n\r\n", "431 close", ""},
	{"longest header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 20480-16) + "\r\n\r\n", "200", "GET /"},
	{"endless header", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("a", 100000), "431 close", ""},
	{"many fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a:b\r\n", 200) + "\r\n", "431 close", ""},
	{"most fields", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("a:b\r\n", 199) + "\r\n", "200", "GET /"},

	// Lengths and codings: CL.CL, CL.TE, TE.CL, TE.TE.
	{"CL twice", post("Content-Length: 5\r\nContent-Length: 6") + "abcde" + smuggled, "400 close", ""},
	{"the same CL twice", post("Content-Length: 5\r\nContent-Length: 5") + "abcde" + smuggled, "400 close", ""},
	{"CL list", post("Content-Length: 5, 5") + "abcde" + smuggled, "400 close", ""},
	{"CL negative", post("Content-Length: -5") + smuggled, "400 close", ""},
	{"CL plus", post("Content-Length: +5") + "abcde", "400 close", ""},
	{"CL hex", post("Content-Length: 0x5") + "abcde", "400 close", ""},
	{"CL empty", post("Content-Length:") + smuggled, "400 close", ""},
	{"CL fraction", post("Content-Length: 5.0") + "abcde", "400 close", ""},
	{"CL spaced", post("Content-Length: 5 5") + "abcde", "400 close", ""},
	{"CL underscore", post("Content_Length: 5"), "200", "POST /"},
	{"CL overflow", post("Content-Length: 18446744073709551621") + "abcde" + smuggled, "400 close", ""},
	{"CL leading zeros", post("Content-Length: 005") + "abcde", "200", "POST /"},
	{"CL too large", post("Content-Length: 10485761"), "413 close", ""},
	{"CL.TE", post("Content-Length: 6\r\nTransfer-Encoding: chunked") + "0\r\n\r\n" + smuggled, "400 close", ""},
	{"TE.CL", post("Transfer-Encoding: chunked\r\nContent-Length: 4") + "5c\r\n" + smuggled, "400 close", ""},
	{"TE twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked") + "0\r\n\r\n", "400 close", ""},
	{"TE.TE", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity") + "0\r\n\r\n", "400 close", ""},
	{"TE xchunked", post("Transfer-Encoding: xchunked") + "0\r\n\r\n", "400 close", ""},
	{"TE quoted", post("Transfer-Encoding: \"chunked\"") + "0\r\n\r\n", "400 close", ""},
	{"TE identity", post("Transfer-Encoding: identity") + smuggled, "400 close", ""},
	{"TE chunked twice", post("Transfer-Encoding: chunked, chunked") + "0\r\n\r\n", "400 close", ""},
	{"TE chunked not last", post("Transfer-Encoding: chunked, gzip") + "0\r\n\r\n", "400 close", ""},
	{"TE gzip", post("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n", "501 close", ""},
	{"TE empty element", post("Transfer-Encoding: , chunked") + "0\r\n\r\n", "400 close", ""},
	{"TE parameter", post("Transfer-Encoding: chunked;q=1") + "0\r\n\r\n", "400 close", ""},
	{"TE vertical tab", post("Transfer-Encoding: \x0bchunked") + "0\r\n\r\n", "400 close", ""},
	{"TE space before colon", post("Transfer-Encoding : chunked") + "0\r\n\r\n", "400 close", ""},
	{"TE leading space", post("Transfer-Encoding:  chunked \t") + "0\r\n\r\n", "200", "POST /"},
	{"TE upper case", post("TRANSFER-ENCODING: CHUNKED") + "0\r\n\r\n", "200", "POST /"},
	{"TE bare LF before", post("X: a\nTransfer-Encoding: chunked") + "0\r\n\r\n", "400 close", ""},
	{"TE in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 close", ""},
	{"TE empty", post("Transfer-Encoding:") + "0\r\n\r\n", "400 close", ""},

	// Chunks.
	{"chunks", chunked("5\r\nabcde\r\nA\r\n0123456789\r\n0\r\n\r\n"), "200", "POST /"},
	{"trailers", chunked("5\r\nabcde\r\n0\r\nX-Sum: 1\r\n\r\n"), "200", "POST /"},
	{"chunk behind chunk", chunked("0\r\n\r\n") + get, "200 200", "POST /, GET /"},
	{"chunk size 0x", chunked("0x5\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size plus", chunked("+5\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size negative", chunked("-5\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size space before", chunked(" 5\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size space after", chunked("5 \r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size tab", chunked("5\t\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size empty", chunked("\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size underscore", chunked("1_0\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size overflow", chunked("10000000000000005\r\nabcde\r\n0\r\n\r\n" + smuggled), "400 close", ""},
	{"chunk size huge", chunked("fffffffffffffff\r\nabcde"), "408 close", ""},
	{"chunk size zeros", chunked("0000000000000000005\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size LF", chunked("5\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk size CR", chunked("5\rabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk extension", chunked("5;a=b\r\nabcde\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk extension LF", chunked("2;\n\r\n0\r\n\r\n" + smuggled), "400 close", ""},
	{"chunk too long", chunked("5\r\nabcdef\r\n0\r\n\r\n"), "400 close", ""},
	{"chunk too short", chunked("5\r\nabcd\r\n0\r\n\r\n" + smuggled), "400 close", ""},
	{"chunk LF after data", chunked("5\r\nabcde\n0\r\n\r\n"), "400 close", ""},
	{"last chunk LF", chunked("0\r\n\n" + smuggled), "400 close", ""},
	{"trailer folded", chunked("0\r\nX: a\r\n b\r\n\r\n"), "400 close", ""},
	{"trailer framing", chunked("0\r\nContent-Length: 5\r\n\r\n" + smuggled), "400 close", ""},
	{"trailer Host", chunked("0\r\nHost: b\r\n\r\n"), "400 close", ""},
	{"trailer endless", chunked("0\r\nX: " + strings.Repeat("a", 9000)), "431 close", ""},
	{"garbage behind a request", get + "\x00\x01\x02", "200 400 close", "GET /"},
	{"garbage behind a body", post("Content-Length: 3") + "abcde\r\n\r\n" + smuggled, "200 400 close", "POST /"},
	{"smuggled in a body", post("Content-Length: "+strconv.Itoa(len(smuggled))) + smuggled, "200", "POST /"},

	// Expectations.
	{"expect", post("Content-Length: 3\r\nExpect: 100-continue") + "abc", "200", "POST /"},
	{"expect, upper case", post("Content-Length: 3\r\nExpect: 100-Continue") + "abc", "200", "POST /"},
	{"expect, other", post("Content-Length: 3\r\nExpect: 200-ok") + "abc", "417 close", ""},
	{"expect, twice", post("Content-Length: 3\r\nExpect: 100-continue\r\nExpect: 100-continue") + "abc", "417 close", ""},
	{"expect, HTTP/1.0", "POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 3\r\n\r\nabc", "200 close", "POST /"},
	{"expect, no body", "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n", "200", "GET /"},
	{"expect, waits", post("Content-Length: 3\r\nExpect: 100-continue"), "100 408 close", ""},
	{"expect, waits, chunked", post("Transfer-Encoding: chunked\r\nExpect: 100-continue"), "100 408 close", ""},
	{"expect, too large", post("Content-Length: 99999999\r\nExpect: 100-continue"), "413 close", ""},
	{"expect, large, not read", "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n\r\n", "200 close", "POST /ignore"},
	{"large, not read", "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n" + strings.Repeat("a", 70000) + get, "200 200", "POST /ignore, GET /"},
	{"larger, not read", "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 7000000\r\n\r\n" + smuggled, "200 close", "POST /ignore"},

	// Slow clients.
	{"slow head", "GET / HTTP/1.1\r\nHo", "408 close", ""},
	{"slow request line", "G", "408 close", ""},
	{"slow body", post("Content-Length: 5") + "abc", "408 close", ""},
	{"slow chunk", chunked("5\r\nabc"), "408 close", ""},
	{"slow large body", post("Content-Length: 70000") + "abc", "408 close", "POST /"},
}

func post(fields string) string { return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n" }

func chunked(body string) string { return post("Transfer-Encoding: chunked") + body }

// warmUp is a request before the one of a case: drivers treat the first of a
// connection in a way of its own.
const warmUp = "GET /first HTTP/1.1\r\nHost: a\r\n\r\n"

// TestRequests sends each case whole, also as the second request of its
// connection, and in pieces of one byte if it is not too long: neither may
// matter, nor which driver serves it.
func TestRequests(t *testing.T) {
	for _, tt := range requestCases {
		for loops, driver := range []string{"goroutine", "loop"} {
			t.Run(tt.name+", "+driver, func(t *testing.T) {
				t.Parallel()
				tt.run(t, len(tt.send), loops, method(tt.send))
				second := tt
				second.send, second.want = warmUp+tt.send, "200 "+tt.want
				second.seen = strings.TrimSuffix("GET /first, "+tt.seen, ", ")
				if !strings.Contains(tt.name, "preface") {
					second.run(t, len(second.send), loops, "GET", method(tt.send))
				}
			})
			if len(tt.send) < 300 {
				t.Run(tt.name+", byte by byte, "+driver, func(t *testing.T) {
					t.Parallel()
					tt.run(t, 1, loops, method(tt.send))
				})
			}
		}
	}
}

// method is that of the first request of a case.
func method(send string) string { return send[:strings.IndexAny(send+" ", " \r")] }

// limits are short where the case has to run into one.
func (tt *requestCase) limits() wire.Limits {
	lim := limits
	switch {
	case !strings.Contains(tt.want, "408"):
	case strings.Contains(strings.TrimPrefix(tt.send, warmUp), "\r\n\r\n"):
		lim.BodyIdle = 200 * time.Millisecond
	default:
		lim.ReadHead = 200 * time.Millisecond
	}
	return lim
}

// run sends the case to a server. methods are those of its first requests; GET
// follows.
func (tt *requestCase) run(t *testing.T, piece, loops int, methods ...string) {
	f := newFront(t, tt.limits(), loops)
	nc, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if err := nc.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for rest := tt.send; rest != ""; {
			n, err := nc.Write([]byte(rest[:min(piece, len(rest))]))
			if err != nil {
				return // the server has closed
			}
			rest = rest[n:]
		}
	}()
	defer func() { _ = nc.Close(); <-sent }()
	r := bufio.NewReader(nc)
	if got := tt.answers(t, nc, r, append(methods, "GET")); got != tt.want {
		t.Errorf("sent %.200q\ngot  %s\nwant %s", tt.send, got, tt.want)
	}
	if got := strings.TrimSuffix(f.requests(), ", TRACE /probe"); got != tt.seen {
		t.Errorf("sent %.200q\nserved %s\nwant   %s", tt.send, got, tt.seen)
	}
}

// answers reads as many answers as the case wants, and then looks what becomes
// of the connection.
func (tt *requestCase) answers(t *testing.T, nc net.Conn, r *bufio.Reader, methods []string) string {
	var got []string
	wanted := strings.Fields(tt.want)
	closes := wanted[len(wanted)-1] == "close"
	if closes {
		wanted = wanted[:len(wanted)-1]
	}
	for _, want := range wanted {
		status, err := answerStatus(r, methods[0])
		if status == "100" && want != "100" && strings.Contains(strings.ToLower(tt.send), "100-continue") {
			status, err = answerStatus(r, methods[0]) // the body was a moment late
		}
		if err != nil {
			return strings.Join(append(got, err.Error()), " ")
		}
		got = append(got, status)
		if status != "100" {
			methods = append(methods[1:], "GET")
		}
	}
	if closes {
		rest, err := io.ReadAll(r)
		if err != nil && !errors.Is(err, syscall.ECONNRESET) || len(rest) > 0 {
			return strings.Join(append(got, "more:", string(rest)), " ")
		}
		return strings.Join(append(got, "close"), " ")
	}
	if _, err := io.WriteString(nc, "TRACE /probe HTTP/1.1\r\nHost: a\r\n\r\n"); err != nil {
		t.Errorf("connection is closed: %v", err)
	}
	if status, err := answerStatus(r, "TRACE"); err != nil || status != "200" {
		t.Errorf("probe is answered %s, %v", status, err)
	}
	return strings.Join(got, " ")
}

// answerStatus reads one answer whole.
func answerStatus(r *bufio.Reader, method string) (string, error) {
	resp, err := http.ReadResponse(r, &http.Request{Method: method})
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return "", err
	}
	return strconv.Itoa(resp.StatusCode), nil
}
