// Package awsrpctest makes calls of AWS operations from maps, as the SDKs do
// from their inputs: one function for every operation, made from its shapes.
package awsrpctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"gatehouse/internal/awsrpc"
)

// Request returns the restJson1 request for op at base, unsigned. The keys of
// in are the members' names as the SDKs have them.
func Request(base string, op awsrpc.Operation, in map[string]any) (*http.Request, error) {
	path, literal, _ := strings.Cut(op.URI, "?")
	c := call{path: path, query: url.Values{}, body: map[string]any{}}
	shape := reflect.TypeOf(op.NewInput()).Elem()
	seen := 0
	for i := range shape.NumField() {
		f := shape.Field(i)
		if v, ok := in[memberName(op.Name, f)]; ok {
			seen++
			c.bind(f, v)
		}
	}
	if seen != len(in) {
		return nil, fmt.Errorf("%s: input %v has members that the operation lacks", op.Name, in)
	}
	if c.payload == nil && len(c.body) > 0 {
		var err error
		if c.payload, err = json.Marshal(c.body); err != nil {
			return nil, err
		}
	}
	target := c.path + "?" + literal
	if len(c.query) > 0 {
		target += "&" + c.query.Encode()
	}
	req, err := http.NewRequest(op.Method, base+strings.TrimSuffix(target, "?"), bytes.NewReader(c.payload))
	if err != nil {
		return nil, err
	}
	if len(c.payload) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, nil
}

// memberName is what the SDKs call f, a field of op's input.
func memberName(op string, f reflect.StructField) string {
	member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	// The SDKs call it integrationHttpMethod beside the path's httpMethod.
	switch {
	case op == "PutIntegration" && f.Name == "HttpMethod":
		return "httpMethod"
	case op == "PutIntegration" && f.Name == "IntegrationHttpMethod":
		return "integrationHttpMethod"
	}
	return member
}

// A call is a request in the making.
type call struct {
	path    string
	query   url.Values
	body    map[string]any
	payload []byte
}

// bind puts v where f's tag says.
func (c *call) bind(f reflect.StructField, v any) {
	member, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	bound := false
	for part := range strings.SplitSeq(f.Tag.Get("aws"), ",") {
		kind, arg, _ := strings.Cut(part, "=")
		switch kind {
		case "uri":
			if arg == "" {
				arg = member
			}
			c.path = strings.ReplaceAll(c.path, "{"+arg+"}", url.PathEscape(fmt.Sprint(v)))
		case "query":
			if list, ok := v.([]string); ok {
				c.query[arg] = list
			} else {
				c.query.Set(arg, fmt.Sprint(v))
			}
		case "queryparams":
			for k, v := range v.(map[string]string) {
				c.query.Set(k, v)
			}
		case "payload":
			c.payload = []byte(v.(string))
		default:
			continue
		}
		bound = true
	}
	if !bound {
		c.body[member] = v
	}
}
