package otlp

import (
	"fmt"
	"math"
	"strings"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// scope is who made spans, points and records, as OpenTelemetry's scopes say it.
var scope = &common.InstrumentationScope{Name: "gatehouse"}

func text(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: valid(s)}}
}

func number(n int64) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: n}}
}

func truth(is bool) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_BoolValue{BoolValue: is}}
}

func fraction(f float64) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_DoubleValue{DoubleValue: f}}
}

// value is any value that documents have; what is none of those is shown as text.
func value(v any) *common.AnyValue {
	switch v := v.(type) {
	case string:
		return text(v)
	case bool:
		return truth(v)
	case int:
		return number(int64(v))
	case int64:
		return number(v)
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return number(int64(v))
		}
		return fraction(v)
	case []string:
		list := &common.ArrayValue{}
		for _, s := range v {
			list.Values = append(list.Values, text(s))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	case []any:
		list := &common.ArrayValue{}
		for _, one := range v {
			list.Values = append(list.Values, value(one))
		}
		return &common.AnyValue{Value: &common.AnyValue_ArrayValue{ArrayValue: list}}
	}
	return text(fmt.Sprint(v))
}

func pair(key string, v *common.AnyValue) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: v}
}

// newResource is who sends, with some attributes replaced or added.
func (c *Client) newResource(more ...Attribute) *resource.Resource {
	r := &resource.Resource{}
	for _, a := range c.opt.Resource {
		if at := indexOf(more, a.Key); at >= 0 {
			a.Value = more[at].Value
		}
		r.Attributes = append(r.Attributes, pair(a.Key, text(a.Value)))
	}
	for _, a := range more {
		if indexOf(c.opt.Resource, a.Key) < 0 {
			r.Attributes = append(r.Attributes, pair(a.Key, text(a.Value)))
		}
	}
	return r
}

func indexOf(list []Attribute, key string) int {
	for i := range list {
		if list[i].Key == key {
			return i
		}
	}
	return -1
}

// partialSuccess reads what an answer says was not taken, and why. The answers of
// all three signals have one form: a message in field 1, with a number in its
// field 1 and a text in its field 2.
func partialSuccess(answer []byte) (rejected uint64, why string) {
	for len(answer) > 0 {
		num, typ, n := protowire.ConsumeTag(answer)
		if n < 0 {
			return 0, ""
		}
		answer = answer[n:]
		if num != 1 || typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, answer); n < 0 {
				return 0, ""
			}
			answer = answer[n:]
			continue
		}
		part, n := protowire.ConsumeBytes(answer)
		if n < 0 {
			return 0, ""
		}
		answer = answer[n:]
		rejected, why = readPartial(part)
	}
	return rejected, why
}

func readPartial(b []byte) (rejected uint64, why string) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return rejected, why
		}
		b = b[n:]
		switch {
		case num == 1 && typ == protowire.VarintType:
			rejected, n = protowire.ConsumeVarint(b)
		case num == 2 && typ == protowire.BytesType:
			why, n = protowire.ConsumeString(b)
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return rejected, why
		}
		b = b[n:]
	}
	return rejected, why
}

// valid is s in UTF-8, as protobuf's texts must be.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
