package upstream

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/wire"
)

// A Difference is where the answer of a mirror differs from the first. It has no
// values: those may be secret.
type Difference struct {
	At       time.Time `json:"at"`
	Method   string    `json:"method"`
	Path     string    `json:"path"`
	Statuses [2]int    `json:"statuses"`
	Headers  []string  `json:"headers,omitempty"` // names
	Body     []string  `json:"body,omitempty"`    // JSON pointers; "" for the body as a whole
}

// maxPlaces bounds the places of one difference that are named.
const maxPlaces = 20

// An ignored is what may differ.
type ignored struct {
	headers  []wire.Field // names in lower case
	pointers []string
}

// differing are headers that differ between any two answers.
var differing = []string{
	"age", "connection", "content-length", "date", "expires", "keep-alive", "server", "set-cookie", "transfer-encoding", "via",
	"x-amzn-requestid", "x-amzn-trace-id", "x-request-id",
}

func newIgnored(list []string) (ig ignored) {
	for _, name := range differing {
		ig.headers = append(ig.headers, wire.Field{Name: name})
	}
	for _, text := range list {
		if strings.HasPrefix(text, "/") {
			ig.pointers = append(ig.pointers, text)
		} else {
			ig.headers = append(ig.headers, wire.Field{Name: strings.ToLower(text)})
		}
	}
	return ig
}

func (ig *ignored) header(name string) bool {
	return slices.ContainsFunc(ig.headers, func(f wire.Field) bool { return strings.EqualFold(f.Name, name) })
}

func (ig *ignored) pointer(at string) bool {
	return slices.ContainsFunc(ig.pointers, func(p string) bool { return at == p || strings.HasPrefix(at, p+"/") })
}

// compare counts how two answers to req differ, and keeps a sample, both in one
// step for those who look.
func (m *mirror) compare(req *wire.Request, first, second *seen) {
	path, _, _ := strings.Cut(req.Target, "?")
	d := Difference{At: time.Now(), Method: req.Method, Path: path, Statuses: [2]int{first.status, second.status}}
	if first.status == second.status {
		d.Headers = m.ignore.headersDiffer(first.header, second.header)
		d.Body = m.ignore.bodiesDiffer(first, second)
	}
	n := m.counts
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case first.status != second.status:
		n.status++
	case len(d.Headers)+len(d.Body) == 0:
		n.same++
		return
	}
	if len(d.Headers) > 0 {
		n.header++
	}
	if len(d.Body) > 0 {
		n.body++
	}
	if n.samples = append(n.samples, d); len(n.samples) > maxSamples {
		n.samples = slices.Delete(n.samples, 0, 1)
	}
}

// headersDiffer are the names of the headers that differ.
func (ig *ignored) headersDiffer(a, b []wire.Field) []string {
	values := func(list []wire.Field) map[string]string {
		all := make(map[string]string)
		for _, f := range list {
			if !ig.header(f.Name) {
				all[strings.ToLower(f.Name)] += f.Value + "\n"
			}
		}
		return all
	}
	va, vb := values(a), values(b)
	var names []string
	for name, v := range va {
		if vb[name] != v {
			names = append(names, name)
		}
		delete(vb, name)
	}
	for name := range vb {
		names = append(names, name)
	}
	slices.Sort(names)
	return names[:min(len(names), maxPlaces)]
}

// bodiesDiffer are the places where bodies differ.
func (ig *ignored) bodiesDiffer(a, b *seen) []string {
	if bytes.Equal(a.body, b.body) && a.cut == b.cut {
		return nil
	}
	va, oka := decoded(a)
	vb, okb := decoded(b)
	if !oka || !okb {
		return []string{""}
	}
	var places []string
	ig.valuesDiffer(va, vb, "", &places)
	return places
}

// decoded reads a JSON body.
func decoded(s *seen) (v any, ok bool) {
	if s.cut {
		return nil, false
	}
	dec := json.NewDecoder(bytes.NewReader(s.body))
	dec.UseNumber()
	return v, dec.Decode(&v) == nil && !dec.More()
}

func (ig *ignored) valuesDiffer(a, b any, at string, places *[]string) {
	if len(*places) >= maxPlaces || ig.pointer(at) {
		return
	}
	switch va := a.(type) {
	case map[string]any:
		vb, ok := b.(map[string]any)
		if !ok {
			break
		}
		names := make([]string, 0, len(va))
		for name := range va {
			names = append(names, name)
		}
		for name := range vb {
			if _, both := va[name]; !both {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			ea, eb := ig.member(va, name), ig.member(vb, name)
			ig.valuesDiffer(ea, eb, at+"/"+pointerEscaper.Replace(name), places)
		}
		return
	case []any:
		vb, ok := b.([]any)
		if !ok || len(va) != len(vb) {
			break
		}
		for i := range va {
			ig.valuesDiffer(va[i], vb[i], at+"/"+strconv.Itoa(i), places)
		}
		return
	default:
		if a == b { // numbers as they are written
			return
		}
	}
	*places = append(*places, at)
}

// absent stands for a member that is not there, which is not null.
type absent struct{}

func (*ignored) member(m map[string]any, name string) any {
	if v, ok := m[name]; ok {
		return v
	}
	return absent{}
}

var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1")
