package takeout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// list is whole, but what the source hides is left, by name.
func list[T any](ctx context.Context, t *taker, what, path string) ([]T, error) {
	all, err := whole[T](ctx, t, what, path)
	if r := hidden(err); r != nil {
		t.leave(what, "the source does not show them: %v", r)
		return nil, nil
	}
	return all, err
}

// hidden is the answer of a source that does not show a thing to this caller, or
// does not know of such things. nil: err is something else, which tells nothing of
// the thing.
func hidden(err error) *Refusal {
	var r *Refusal
	if !errors.As(err, &r) || r.Passing() || r.unsigned() {
		return nil
	}
	return r
}

// Passing tells whether the same call may go well a little later.
func (r *Refusal) Passing() bool {
	switch r.Status {
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// unsigned tells whether the source does not take the signature, perhaps no longer:
// then it refuses every call.
//
// AWS: "Common Errors". MissingAuthenticationToken is none of these: so are paths
// answered that there are not.
func (r *Refusal) unsigned() bool {
	kinds := []string{"ExpiredToken", "IncompleteSignature", "InvalidClientTokenId", "InvalidSignature", "RequestExpired", "SignatureDoesNotMatch", "UnrecognizedClient"}
	return slices.ContainsFunc(kinds, func(kind string) bool { return strings.HasPrefix(r.Kind, kind) })
}

// whole reads all pages of a list of shapes, or fails.
//
// AWS: REST APIs page by position and limit, the newer ones by nextToken and
// maxResults; a page has its items in item or items.
func whole[T any](ctx context.Context, t *taker, what, path string) ([]T, error) {
	var all []T
	l := lister{path: path, sized: !unpaged(path)}
	for {
		page, err := l.next(ctx, t)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		for _, item := range page {
			v, err := read[T](t, what, item)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
		if l.at == "" {
			return all, nil
		}
	}
}

// A lister reads a list page by page.
type lister struct {
	path  string
	sized bool   // whether the size of pages is asked for
	at    string // where the next page begins; empty after the last one
}

// next reads a page.
func (l *lister) next(ctx context.Context, t *taker) ([]json.RawMessage, error) {
	size, token := "limit", "position"
	if strings.HasPrefix(l.path, "/v2/") {
		size, token = "maxResults", "nextToken"
	}
	query := url.Values{}
	if l.sized {
		query.Set(size, strconv.Itoa(pageSize(l.path)))
	}
	if l.at != "" {
		query.Set(token, l.at)
	}
	path := l.path
	if len(query) > 0 {
		path += map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")] + query.Encode()
	}
	text, err := t.Get(ctx, path)
	if r := (*Refusal)(nil); l.sized && errors.As(err, &r) && r.Status == http.StatusBadRequest {
		l.sized = false // AWS: the largest page of the newer API is undocumented
		return l.next(ctx, t)
	}
	if err != nil {
		return nil, err
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("%s: %w", l.path, err)
	}
	var items []json.RawMessage
	for _, name := range []string{"item", "items", "routingRules"} {
		if members[name] == nil {
			continue
		}
		if err := json.Unmarshal(members[name], &items); err != nil {
			return nil, fmt.Errorf("%s: %w", l.path, err)
		}
	}
	last := l.at
	l.at = ""
	if members[token] != nil {
		if err := json.Unmarshal(members[token], &l.at); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", l.path, token, err)
		}
	}
	if l.at == last && last != "" {
		return nil, fmt.Errorf("%s: the page after %q is itself", l.path, last)
	}
	return items, nil
}

// unpaged tells which lists come whole.
//
// AWS: of the lists of REST APIs, those of stages have no limit.
func unpaged(path string) bool {
	return !strings.HasPrefix(path, "/v2/") && strings.HasSuffix(path, "/stages")
}

// pageSize is how many a call asks for. AWS: at most 500; of routing rules 100.
func pageSize(path string) int {
	if strings.HasSuffix(path, "/routingrules") {
		return 100
	}
	return 500
}

// one reads one shape. What the source hides is left, by name, and nil.
func one[T any](ctx context.Context, t *taker, what, path string) (*T, error) {
	text, err := t.Get(ctx, path)
	if r := hidden(err); r != nil {
		t.leave(what, "the source does not show it: %v", r)
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	v, err := read[T](t, what, text)
	return &v, err
}

// read reads a shape and notes members that it does not have.
func read[T any](t *taker, what string, text []byte) (T, error) {
	var v T
	var any_ any
	if err := json.Unmarshal(text, &any_); err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	var unknown []string
	any_ = fit(any_, reflect.TypeFor[T](), "", &unknown)
	for _, member := range slices.Compact(slices.Sorted(slices.Values(unknown))) {
		t.leave(what+": "+member, "this version of Gatehouse does not know the member")
	}
	text, err := json.Marshal(any_)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}

// fit makes of what was read what the JSON of a type can be: it takes out
// members that the type does not have, and writes times as texts.
//
// AWS: REST APIs write times as seconds.
func fit(v any, t reflect.Type, path string, unknown *[]string) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if seconds, ok := v.(float64); ok && t == reflect.TypeFor[time.Time]() {
		return time.Unix(int64(seconds), 0).UTC().Format(time.RFC3339)
	}
	switch v := v.(type) {
	case []any:
		if t.Kind() == reflect.Slice {
			for i := range v {
				v[i] = fit(v[i], t.Elem(), path, unknown)
			}
		}
	case map[string]any:
		switch t.Kind() {
		case reflect.Map:
			for k := range v {
				v[k] = fit(v[k], t.Elem(), path, unknown)
			}
		case reflect.Struct:
			fitMembers(v, t, path, unknown)
		}
	}
	return v
}

// fitMembers is fit for the members of a structure.
func fitMembers(v map[string]any, t reflect.Type, path string, unknown *[]string) {
	for k := range v {
		f, ok := member(t, k)
		if ok {
			v[k] = fit(v[k], f.Type, path+"."+k, unknown)
			continue
		}
		// AWS: links and embedded parts of HAL say nothing new.
		if !strings.HasPrefix(k, "_") {
			*unknown = append(*unknown, strings.TrimPrefix(path+"."+k, "."))
		}
		delete(v, k)
	}
}

// member finds the field of a member of the wire.
func member(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		f := t.Field(i)
		if tag, _, _ := strings.Cut(f.Tag.Get("json"), ","); tag == name {
			return f, true
		}
	}
	return reflect.StructField{}, false
}
