// Package gatewaytest helps to test what happens to an exchange: a cluster
// whose backend answers from memory, and exchanges made by hand.
package gatewaytest

import (
	"bytes"
	"context"
	"io"
	"strings"
	"time"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// A Cluster is a fake backend. It answers every request alike, allocates
// nothing and notes the last request. Its zero value answers 200 without body.
type Cluster struct {
	Status int
	Header []wire.Field
	Body   string
	// Chunked: the length of the body is not known before its end.
	Chunked bool
	// Streamed is how many bytes of Body do not come with the head.
	Streamed int
	Err      error

	// Requests counts the requests; Last is a copy of the last one if Keep is
	// set. Closed counts the response bodies that were closed.
	Keep     bool
	Requests int
	Closed   int
	Last     Request

	source source
	mem    []byte
}

// A Request is what a backend was asked.
type Request struct {
	Method, Target, Host string
	Header               []string // "Name: value"
	Body                 string
	Deadline             time.Duration // how long it was given
}

// Do answers req.
func (c *Cluster) Do(_ context.Context, req *wire.Request, resp *wire.Response, deadline time.Time) error {
	c.Requests++
	if c.Keep {
		if err := c.keep(req, deadline); err != nil {
			return err
		}
	}
	if c.Err != nil {
		return c.Err
	}
	resp.Status = c.Status
	if c.Status == 0 {
		resp.Status = 200
	}
	resp.Header.Fields = append(resp.Header.Fields[:0], c.Header...)
	here := len(c.Body) - c.Streamed
	c.source = source{cluster: c, rest: c.Body[here:]}
	resp.Body = wire.Body{Bytes: c.head(here), Source: &c.source, Length: int64(len(c.Body))}
	if c.Chunked {
		resp.Body.Length = -1
	}
	return nil
}

func (c *Cluster) keep(req *wire.Request, deadline time.Time) error {
	c.Last = Request{
		Method: strings.Clone(req.Method), Target: strings.Clone(req.Target), Host: strings.Clone(req.Host),
		Body: string(req.Body.Bytes), Deadline: time.Until(deadline),
	}
	for _, f := range req.Header.Fields {
		c.Last.Header = append(c.Last.Header, f.Name+": "+f.Value)
	}
	if req.Body.Source != nil {
		b, err := io.ReadAll(req.Body.Source)
		if err != nil {
			return err
		}
		c.Last.Body += string(b)
	}
	return nil
}

// head returns the bytes that come with the head, in memory used again.
func (c *Cluster) head(n int) []byte {
	c.mem = append(c.mem[:0], c.Body[:n]...)
	return c.mem
}

type source struct {
	cluster *Cluster
	rest    string
}

func (s *source) Read(p []byte) (int, error) {
	if s.rest == "" {
		return 0, io.EOF
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *source) Trailer() *wire.Header { return nil }

func (s *source) Close() error {
	s.cluster.Closed++
	return nil
}

// Header makes header fields of lines "Name: value".
func Header(lines ...string) []wire.Field {
	var h wire.Header
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		h.Add(name, value)
	}
	return h.Fields
}

// Fill makes x's request one of method and target with a body and headers.
func Fill(x *gateway.Exchange, method, target, body string, lines ...string) {
	r := &x.MethodRequest
	r.Method, r.Target = method, target
	r.Path, r.Query, _ = strings.Cut(target, "?")
	r.Header.Fields = append(r.Header.Fields[:0], Header(lines...)...)
	if i := headerNamed(r.Header.Fields, "Host"); i >= 0 {
		r.Host = r.Header.Fields[i].Value
	}
	if body != "" {
		r.Body = wire.Body{Bytes: []byte(body), Length: int64(len(body))}
	}
}

func headerNamed(fields []wire.Field, name string) int {
	for i := range fields {
		if strings.EqualFold(fields[i].Name, name) {
			return i
		}
	}
	return -1
}

// An Answer is what a client gets.
type Answer struct {
	Status int
	Header []string // "Name: value", without the ids
	Body   string
	Length int64
}

// Drain reads x's response as a driver does, and closes it. The header lines
// with the ids of the exchange are left out.
func Drain(x *gateway.Exchange) (Answer, error) {
	r := &x.MethodResponse
	a := Answer{Status: r.Status, Length: r.Body.Length}
	for _, f := range r.Header.Fields {
		if f.Value != x.Vars.RequestID && f.Value != x.Vars.ExtendedRequestID && f.Value != x.Vars.Trace {
			a.Header = append(a.Header, f.Name+": "+f.Value)
		}
	}
	a.Body = string(bytes.Clone(r.Body.Bytes))
	if r.Body.Source == nil {
		return a, nil
	}
	rest, err := io.ReadAll(r.Body.Source)
	a.Body += string(rest)
	if e := r.Body.Source.Close(); err == nil {
		err = e
	}
	return a, err
}

var _ gateway.Cluster = (*Cluster)(nil)
