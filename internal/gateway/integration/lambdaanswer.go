package integration

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// An answer is what a proxy function returned, taken apart. It is pooled; its
// texts live as long as the exchange.
type answer struct {
	status int // 0: it says nothing
	header []answerField
	multi  int // how many of header are from multiValueHeaders
	body   []byte
	base64 bool
	http   answerFormat // of an HTTP API

	x   *gateway.Exchange // in whose memory the texts are
	dec *jsontext.Decoder
	in  bytes.Buffer
}

type answerField struct {
	name, value string
	id          wire.HeaderID
	null        bool
}

var answers = sync.Pool{New: func() any { return &answer{dec: new(jsontext.Decoder)} }}

func newAnswer(x *gateway.Exchange) *answer {
	a := answers.Get().(*answer)
	a.x = x
	return a
}

func (a *answer) release() {
	clear(a.header[:cap(a.header)])
	*a = answer{header: a.header[:0], dec: a.dec}
	answers.Put(a)
}

// read begins to read a document.
func (a *answer) read(payload []byte) {
	a.in = *bytes.NewBuffer(payload)
	a.dec.Reset(&a.in, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// mostAnswerFields bounds the headers of an answer: a function that returns
// more has returned a malformed one.
const mostAnswerFields = 512

var (
	errNotObject = errors.New("it is not an object")
	errNoMap     = errors.New("no object where it must be")
	errTrailing  = errors.New("more than one JSON value")
)

// streamMark ends the metadata of a streamed answer.
//
// AWS: rest-execution.md §13.
const streamMark = "\x00\x00\x00\x00\x00\x00\x00\x00"

// parse takes a payload apart. Of streamed metadata, which has cookies, the
// payload is what stands before the mark.
//
// AWS: integrations.md §9.2; rest-execution.md §13 for a function that writes
// the streaming form and is not streamed: it has no body.
func (a *answer) parse(payload []byte, stream bool) error {
	if i := bytes.Index(payload[:min(len(payload), maxMetadata)], []byte(streamMark)); i >= 0 {
		payload, stream = payload[:i], true
	}
	a.read(payload)
	if a.dec.PeekKind() != '{' {
		return errNotObject
	}
	if err := a.object(func(name []byte) error { return a.member(string(name), stream) }); err != nil {
		return err
	}
	if a.dec.PeekKind() != 0 {
		return errTrailing
	}
	a.merge(stream)
	return nil
}

// member reads one member of the answer.
//
// AWS: integrations.md §9.2: any other key makes the answer malformed. A
// scalar stands for another as Jackson coerces them: recorded are a status of
// text and a header of true.
func (a *answer) member(name string, stream bool) error {
	switch {
	case name == "statusCode":
		return a.readStatus()
	case name == "headers":
		return a.readHeaders()
	case name == "multiValueHeaders" && a.http != http2:
		return a.readMultiHeaders()
	case name == "cookies" && (stream || a.http == http2):
		return a.readCookies()
	case name == "body" && !stream:
		var err error
		a.body, _, err = a.scalar()
		return err
	case (name == "isBase64Encoded" || name == "base64Encoded") && !stream:
		v, _, err := a.scalar()
		a.base64 = string(v) == "true"
		return err
	}
	if a.http == notHTTP {
		return fmt.Errorf("unknown member %q", name)
	}
	return a.dec.SkipValue()
}

func (a *answer) readStatus() error {
	v, null, err := a.scalar()
	if err != nil || null {
		return err
	}
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil || n < 200 || n >= 1000 { // those below announce another, and end nothing
		return fmt.Errorf("statusCode %q", v)
	}
	a.status = int(n)
	return nil
}

// readHeaders reads the map with one value for each name.
func (a *answer) readHeaders() error {
	return a.object(func(name []byte) error {
		value, null, err := a.scalar()
		if err != nil {
			return err
		}
		return a.addField(name, value, null)
	})
}

// readMultiHeaders reads the map with lists, and puts them before the others.
func (a *answer) readMultiHeaders() error {
	single := len(a.header)
	err := a.object(func(name []byte) error {
		switch a.dec.PeekKind() {
		case 'n':
			_, err := a.dec.ReadToken()
			return err
		case '[':
		default:
			return fmt.Errorf("multiValueHeaders: %q is no list", name)
		}
		return a.list(func(value []byte, null bool) error {
			if null {
				return nil
			}
			return a.addField(name, value, false)
		})
	})
	a.multi = len(a.header) - single
	if single > 0 && a.multi > 0 {
		first := slices.Clone(a.header[:single])
		copy(a.header[copy(a.header, a.header[single:]):], first)
	}
	return err
}

// merge puts a single value behind those of the same name in the other map,
// and gives it their spelling. The same value is not repeated.
//
// AWS: recorded (test_aws_proxy_response_payload_format_validation), and "Output
// format of a Lambda function for proxy integration" of the guide.
//
// Streamed metadata has only the values of the other map: rest-execution.md §13.
func (a *answer) merge(stream bool) {
	for i := a.multi; i < len(a.header); i++ {
		f := a.header[i]
		last, same := -1, false
		for j := range a.header[:a.multi] {
			if g := &a.header[j]; f.is(g) {
				last, same = j, same || g.value == f.value
			}
		}
		switch {
		case last < 0 || f.null:
			continue
		case same || stream && f.id != wire.HeaderSetCookie:
			a.header = slices.Delete(a.header, i, i+1)
			i--
			continue
		}
		f.name = a.header[last].name
		copy(a.header[last+2:i+1], a.header[last+1:i])
		a.header[last+1] = f
		a.multi++
	}
}

// is tells whether two fields have the same name.
func (f *answerField) is(g *answerField) bool {
	return f.id == g.id && (f.id != wire.HeaderOther || strings.EqualFold(f.name, g.name))
}

// readCookies reads a list of cookies to be set.
func (a *answer) readCookies() error {
	if a.dec.PeekKind() != '[' {
		return errors.New("cookies is no list")
	}
	return a.list(func(value []byte, _ bool) error { return a.addField([]byte("Set-Cookie"), value, false) })
}

func (a *answer) addField(name, value []byte, null bool) error {
	if !wire.ValidToken(wire.String(name)) || !validFieldValue(value) {
		return fmt.Errorf("header %q cannot be sent", name)
	}
	if len(a.header) == mostAnswerFields {
		return errors.New("too many headers")
	}
	text := wire.String(name)
	a.header = append(a.header, answerField{text, wire.String(value), wire.Identify(text), null})
	return nil
}

// object calls member with the name of each member of an object, whose value is
// the next to be read. Null is an empty one.
func (a *answer) object(member func(name []byte) error) error {
	switch a.dec.PeekKind() {
	case 'n':
		_, err := a.dec.ReadToken()
		return err
	case '{':
	default:
		return errNoMap
	}
	if _, err := a.dec.ReadToken(); err != nil {
		return err
	}
	for a.dec.PeekKind() != '}' {
		name, err := a.text()
		if err != nil {
			return err
		}
		if err := member(name); err != nil {
			return err
		}
	}
	_, err := a.dec.ReadToken()
	return err
}

func (a *answer) list(item func(value []byte, null bool) error) error {
	if _, err := a.dec.ReadToken(); err != nil {
		return err
	}
	for a.dec.PeekKind() != ']' {
		v, null, err := a.scalar()
		if err != nil {
			return err
		}
		if err := item(v, null); err != nil {
			return err
		}
	}
	_, err := a.dec.ReadToken()
	return err
}

// scalar reads text, or a number or truth value as text.
func (a *answer) scalar() (v []byte, null bool, err error) {
	switch k := a.dec.PeekKind(); k {
	case '"':
		v, err = a.text()
		return v, false, err
	case 'n', 't', 'f', '0':
		raw, err := a.dec.ReadValue()
		if k == 'n' {
			raw = nil
		}
		return a.keep(raw), k == 'n', err
	case 0:
		_, err := a.dec.ReadToken()
		return nil, false, err
	default:
		return nil, false, fmt.Errorf("a value of kind %v where text must be", k)
	}
}

// text reads a string.
func (a *answer) text() ([]byte, error) {
	if a.dec.PeekKind() != '"' {
		_, err := a.dec.ReadToken()
		return nil, errors.Join(err, errors.New("no text where it must be"))
	}
	raw, err := a.dec.ReadValue()
	if err != nil {
		return nil, err
	}
	x := a.x
	from := len(x.Text)
	x.Text, err = jsontext.AppendUnquote(x.Text, raw)
	return x.Text[from:len(x.Text):len(x.Text)], err
}

// keep copies what lives no longer than the payload.
func (a *answer) keep(raw []byte) []byte {
	x := a.x
	from := len(x.Text)
	x.Text = append(x.Text, raw...)
	return x.Text[from:len(x.Text):len(x.Text)]
}

// validFieldValue tells whether a header can have this value.
func validFieldValue(value []byte) bool {
	for _, c := range value {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// errorMessage returns the errorMessage of a function's answer, which lives as
// long as x.
func errorMessage(x *gateway.Exchange, payload []byte) (text string) {
	if !bytes.Contains(payload, []byte(`"errorMessage"`)) {
		return ""
	}
	a := newAnswer(x)
	defer a.release()
	a.read(payload)
	err := a.object(func(name []byte) error {
		if string(name) != "errorMessage" || a.dec.PeekKind() != '"' {
			return a.dec.SkipValue()
		}
		v, err := a.text()
		text = wire.String(v)
		return err
	})
	if err != nil {
		return ""
	}
	return text
}
