package script_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

const hangup = syscall.SIGHUP

// requestTime bounds one request, patience what may take a moment, longer on a busy
// machine: only a script that fails waits that long.
const (
	requestTime = 2 * time.Minute
	patience    = time.Minute
)

// An answer is what the last request got.
type answer struct {
	status int
	header http.Header
	body   []byte
	shown  string // common name of the certificate that TLS showed
}

// headers is a flag that may be repeated: "Name: value".
type headers []string

// String joins the lines.
func (h *headers) String() string { return strings.Join(*h, "\n") }

// Set adds a line.
func (h *headers) Set(line string) error {
	*h = append(*h, line)
	return nil
}

// cmdHTTP sends a request to the data plane:
//
//	http [-on api|listen|tls|admin] [-h 'Name: value']... [-d body] [-zeros N] [-z CODING] [-first] [-until RE] METHOD URL
//
// -zeros sends a body of so many zero bytes, -z the body in a content coding.
// With -first the answer is what came with its first bytes; the word rest reads
// on. With -until the request is sent again and again until the answer's body has a match.
//
// The URL's host is only the Host header: the connection goes to the address
// named by -on. A URL without a host is sent with the address as host.
func cmdHTTP(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("http", flag.ContinueOnError)
	on := flags.String("on", "listen", "")
	data := flags.String("d", "", "")
	zeros := flags.Int64("zeros", 0, "")
	z := flags.String("z", "", "")
	first := flags.Bool("first", false, "")
	until := flags.String("until", "", "")
	var lines headers
	flags.Var(&lines, "h", "")
	err := flags.Parse(args)
	usage(ts, neg, err == nil && flags.NArg() == 2, "http [-on api|listen|tls|admin] [-h 'Name: value']... [-d body] [-zeros N] [-z CODING] [-first] [-until RE] METHOD URL")
	re, err := regexp.Compile(*until)
	ts.Check(err)
	w := worldOf(ts)
	if *z != "" {
		lines = append(lines, "Content-Encoding: "+*z)
		*data = encode(ts, *z, *data)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var got answer
	for end := time.Now().Add(patience); ; <-tick.C {
		got, err = w.request(*on, flags.Arg(0), flags.Arg(1), requestBody{*data, *zeros}, lines, *first)
		ts.Check(err)
		if re.Match(got.body) {
			break
		}
		if time.Now().After(end) {
			ts.Fatalf("the answer has no match for %s:\n%s", *until, got.body)
		}
	}
	w.answer = got
	ts.Logf("%d %s\n%s", got.status, http.StatusText(got.status), got.body[:min(len(got.body), 10_000)])
}

// A requestBody is a text, or so many zero bytes.
type requestBody struct {
	text  string
	zeros int64
}

func (b requestBody) set(req *http.Request) {
	if b.zeros > 0 {
		req.Body, req.ContentLength = io.NopCloser(io.LimitReader(zeros{}, b.zeros)), b.zeros
	}
}

// zeros has no end.
type zeros struct{}

// Read reads zero bytes.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (w *world) request(on, method, url string, data requestBody, lines []string, first bool) (answer, error) {
	scheme, addr := "http", map[string]string{"api": w.server.API, "listen": w.server.Listen, "tls": w.server.ListenTLS, "admin": w.server.Admin}[on]
	if on == "tls" {
		scheme = "https"
	}
	if strings.HasPrefix(url, "/") {
		url = scheme + "://" + addr + url
	}
	ctx, cancel := context.WithTimeout(context.Background(), requestTime)
	w.cancels = append(w.cancels, cancel) // an answer may be read later
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(data.text))
	if err != nil {
		return answer{}, err
	}
	data.set(req)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		if name = strings.TrimSpace(name); strings.EqualFold(name, "host") {
			req.Host = strings.TrimSpace(value)
			continue
		}
		req.Header.Add(name, strings.TrimSpace(value))
	}
	transport := &http.Transport{
		DisableCompression: true, DisableKeepAlives: true, ExpectContinueTimeout: requestTime,
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // the script made the certificate
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		},
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	if first {
		buf := make([]byte, 4<<10)
		n, err := resp.Body.Read(buf)
		w.open = resp.Body
		return answer{status: resp.StatusCode, header: resp.Header, body: buf[:n]}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	a := answer{status: resp.StatusCode, header: resp.Header, body: body}
	if resp.TLS != nil {
		a.shown = resp.TLS.PeerCertificates[0].Subject.CommonName
	}
	return a, err
}

// cmdCertificate checks the common name of the certificate that the last http
// over TLS was shown:
//
//	certificate NAME
func cmdCertificate(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "certificate NAME")
	if got := worldOf(ts).answer.shown; got != args[0] {
		ts.Fatalf("the certificate is of %q, want %q", got, args[0])
	}
}

// cmdRest reads the rest of the answer that http -first began: it becomes the
// body. With ! the answer must break off.
func cmdRest(ts *testscript.TestScript, neg bool, args []string) {
	w := worldOf(ts)
	usage(ts, false, len(args) == 0 && w.open != nil, "rest, after http -first")
	var err error
	w.answer.body, err = io.ReadAll(w.open)
	_, w.open = w.open.Close(), nil
	if (err != nil) != neg {
		ts.Fatalf("the rest of the answer: %v", err)
	}
}

// encode puts a content coding on a body.
func encode(ts *testscript.TestScript, coding, body string) string {
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	default:
		return body
	}
	_, err := io.WriteString(w, body)
	ts.Check(errors.Join(err, w.Close()))
	return b.String()
}

// cmdDecode takes the content coding CODING off the last answer's body, which
// must be in it:
//
//	decode CODING
func cmdDecode(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 1, "decode CODING")
	a := &worldOf(ts).answer
	if got := a.header.Get("Content-Encoding"); got != args[0] {
		ts.Fatalf("Content-Encoding is %q, want %q", got, args[0])
	}
	var r io.Reader
	var err error
	if args[0] == "gzip" {
		r, err = gzip.NewReader(bytes.NewReader(a.body))
	} else {
		r, err = zlib.NewReader(bytes.NewReader(a.body))
	}
	ts.Check(err)
	a.body, err = io.ReadAll(r)
	ts.Check(err)
}

// cmdStatus checks the status of the last answer.
func cmdStatus(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(strings.Join(args, ""))
	usage(ts, neg, err == nil, "status CODE")
	if got := worldOf(ts).answer; got.status != want {
		ts.Fatalf("status %d, want %d; body:\n%s", got.status, want, got.body)
	}
}

// cmdBody checks the body of the last answer:
//
//	body TEXT          is TEXT, to the byte
//	body -match RE     has a match
//	body -json TEXT    is this JSON, whatever its spacing
//	body -field a.b=v  has v in this place of its JSON
func cmdBody(ts *testscript.TestScript, neg bool, args []string) {
	got := worldOf(ts).answer.body
	var ok bool
	switch {
	case len(args) == 2 && args[0] == "-match":
		re, err := regexp.Compile(args[1])
		ts.Check(err)
		ok = re.Match(got)
	case len(args) == 2 && args[0] == "-json":
		ok = sameJSON(ts, got, []byte(args[1]))
	case len(args) == 2 && args[0] == "-field":
		path, want, _ := strings.Cut(args[1], "=")
		value := field(ts, got, path)
		ok = value == want
		ts.Logf("%s is %q", path, value)
	case len(args) == 1:
		ok = string(got) == args[0]
	default:
		ts.Fatalf("usage: body [-match|-json|-field] TEXT")
	}
	if ok == neg {
		ts.Fatalf("body is:\n%s\n%swant: %s", got, map[bool]string{true: "do not "}[neg], args[len(args)-1])
	}
}

func sameJSON(ts *testscript.TestScript, a, b []byte) bool {
	var x, y any
	if err := json.Unmarshal(a, &x); err != nil {
		ts.Fatalf("body is not JSON (%v):\n%s", err, a)
	}
	ts.Check(json.Unmarshal(b, &y))
	return reflect.DeepEqual(x, y)
}

// field is what stands at a place of a JSON document: members by name,
// elements by number, joined by dots.
func field(ts *testscript.TestScript, doc []byte, path string) string {
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		ts.Fatalf("body is not JSON (%v):\n%s", err, doc)
	}
	for part := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[part]
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i >= len(at) {
				return "<none>"
			}
			v = at[i]
		default:
			return "<none>"
		}
	}
	switch v := v.(type) {
	case nil:
		return "<none>"
	case string:
		return v
	}
	text, err := json.Marshal(v)
	ts.Check(err)
	return string(text)
}

// cmdHeader checks a header of the last answer:
//
//	header NAME VALUE      is VALUE
//	header -match NAME RE  has a match
//	! header NAME          is absent
func cmdHeader(ts *testscript.TestScript, neg bool, args []string) {
	header := worldOf(ts).answer.header
	switch {
	case len(args) == 1 && neg:
		if v := header.Values(args[0]); len(v) > 0 {
			ts.Fatalf("header %s is %q, want none", args[0], v)
		}
	case len(args) == 2 && !neg:
		if v := header.Values(args[0]); !slices.Equal(v, []string{args[1]}) {
			ts.Fatalf("header %s is %q, want %q", args[0], v, args[1])
		}
	case len(args) == 3 && args[0] == "-match" && !neg:
		if ok, err := regexp.MatchString(args[2], header.Get(args[1])); err != nil || !ok {
			ts.Fatalf("header %s is %q, want a match of %s (%v)", args[1], header.Get(args[1]), args[2], err)
		}
	default:
		ts.Fatalf("usage: header NAME VALUE, header -match NAME RE, ! header NAME")
	}
}

// cmdEventually waits until a file has a match for a pattern: for what a
// server does beside its answer, such as writing a log.
func cmdEventually(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) == 2, "eventually FILE RE")
	re, err := regexp.Compile(args[1])
	ts.Check(err)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		text, err := os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		if err == nil && re.Match(text) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s has no match for %s:\n%s", args[0], args[1], text)
		}
	}
}

// cmdUntil runs the binary as a command, or the aws command, until what it prints matches.
func cmdUntil(ts *testscript.TestScript, neg bool, args []string) {
	usage(ts, neg, len(args) > 1, "until RE [aws] ARGS")
	re, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	command := append([]string{worldOf(ts).bin}, args[1:]...)
	if args[1] == "aws" {
		command = awsCommandOf(ts, args[2:])
	}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(patience); ; <-tick.C {
		if err := ts.Exec(command[0], command[1:]...); err == nil && re.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("%s does not print %s:\n%s", strings.Join(args[1:], " "), args[0], ts.ReadFile("stdout"))
		}
	}
}

// A backend is an HTTP server that answers with what it got.
type backend struct {
	name   string
	server *httptest.Server
	count  atomic.Int64 // requests so far
	held   sync.Map     // channels of answers that wait, by name
}

// cmdBackend starts an echo server and puts its host:port into a variable:
//
//	backend NAME
//
// It answers with the request as JSON (backend, method, target, host, headers,
// body) and its number (count). ?answer=CODE chooses the status, and each ?set=Name:value a header.
// ?size=N adds N bytes to it, and ?text=T is the answer instead. ?swallow tells how
// long the body is (swallowed) without keeping it, and streams ?stream=N bytes. ?hold=NAME sends
// "first " at once and "last" once a request with ?release=NAME came; ?never
// sends nothing.
func cmdBackend(ts *testscript.TestScript, neg bool, args []string) {
	flags := flag.NewFlagSet("backend", flag.ContinueOnError)
	var certificates headers
	flags.Var(&certificates, "for", "")
	err := flags.Parse(args)
	usage(ts, neg, err == nil && flags.NArg() == 1, "backend [-for CERTIFICATE]... NAME")
	w := worldOf(ts)
	b := &backend{name: flags.Arg(0)}
	b.server = httptest.NewUnstartedServer(http.HandlerFunc(b.echo))
	if len(certificates) == 0 {
		b.server.Start()
	} else {
		b.server.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
		b.server.Config.ErrorLog = log.New(io.Discard, "", 0) // who is refused is for the script to say
		for _, file := range certificates {
			if !b.server.TLS.ClientCAs.AppendCertsFromPEM([]byte(ts.ReadFile(file))) {
				ts.Fatalf("backend: %s holds no certificate", file)
			}
		}
		b.server.StartTLS()
	}
	w.backends = append(w.backends, b)
	ts.Setenv(b.name, b.server.Listener.Addr().String())
	ts.Setenv(b.name+"_PORT", strconv.Itoa(b.server.Listener.Addr().(*net.TCPAddr).Port))
}

func (b *backend) echo(w http.ResponseWriter, r *http.Request) {
	if r.URL.Query().Has("swallow") {
		swallow(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	q := r.URL.Query()
	for _, line := range q["set"] {
		name, value, _ := strings.Cut(line, ":")
		w.Header().Add(name, value)
	}
	if b.hold(w, r) {
		return
	}
	status := http.StatusOK
	if s, err := strconv.Atoi(q.Get("answer")); err == nil {
		status = s
	}
	var out bytes.Buffer
	_ = json.NewEncoder(&out).Encode(map[string]any{ // of strings only
		"backend": b.name, "method": r.Method, "target": r.RequestURI, "host": r.Host,
		"headers": r.Header, "body": string(body), "count": strconv.FormatInt(b.count.Add(1), 10),
	})
	if n, err := strconv.Atoi(q.Get("size")); err == nil {
		out.WriteString(strings.Repeat("x", n))
	}
	if q.Has("text") {
		out.Reset()
		out.WriteString(q.Get("text"))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(out.Len()))
	w.WriteHeader(status)
	fmt.Fprint(w, out.String())
}

// swallow answers without keeping the body, or one of its own.
func swallow(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if size, err := strconv.ParseInt(r.URL.Query().Get("stream"), 10, 64); err == nil {
		_, _ = io.Copy(w, io.LimitReader(zeros{}, size))
		return
	}
	fmt.Fprintf(w, `{"swallowed":"%d"}`, n)
}

// hold answers in two pieces, or lets such an answer go on.
func (b *backend) hold(w http.ResponseWriter, r *http.Request) bool {
	q := r.URL.Query()
	if name := q.Get("release"); name != "" {
		release, _ := b.held.LoadOrStore(name, make(chan struct{}))
		close(release.(chan struct{}))
		return false
	}
	if q.Has("never") {
		<-r.Context().Done()
		return true
	}
	if !q.Has("hold") {
		return false
	}
	release, _ := b.held.LoadOrStore(q.Get("hold"), make(chan struct{}))
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = io.WriteString(w, "first \xff")
	_ = http.NewResponseController(w).Flush()
	select {
	case <-release.(chan struct{}):
		_, _ = io.WriteString(w, "last")
	case <-r.Context().Done():
	}
	return true
}
