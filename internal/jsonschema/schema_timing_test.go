package jsonschema_test

import (
	"strings"
	"testing"
)

// A model of ten properties, and a body of 1 KB.
const orderModel = `{"$schema":"http://json-schema.org/draft-04/schema#","type":"object","required":["id","name","email"],"additionalProperties":false,
"properties":{"id":{"type":"integer","minimum":1},"name":{"type":"string","minLength":1,"maxLength":100},
"email":{"type":"string","pattern":"^[^@]+@[^@]+$"},"active":{"type":"boolean"},"kind":{"enum":["a","b","c"]},
"price":{"type":"number","minimum":0},"tags":{"type":"array","items":{"type":"string"},"maxItems":20},
"address":{"type":"object","required":["street"],"properties":{"street":{"type":"string"},"zip":{"type":"string","pattern":"^[0-9]{5}$"},"city":{"type":"string"}}},
"note":{"type":"string"},"lines":{"type":"array","items":{"type":"object","required":["sku"],"properties":{"sku":{"type":"string"},"n":{"type":"integer"}}}}}}`

var order = `{"id":4711,"name":"Ada Lovelace","email":"ada@example.com","active":true,"kind":"b","price":12.50,"tags":["one","two","three"],` +
	`"address":{"street":"1 Long Street","zip":"12345","city":"London"},"note":"` + strings.Repeat("n", 560) + `","lines":[` +
	strings.Repeat(`{"sku":"abc-123","n":3},`, 9) + `{"sku":"x","n":1}]}`

func BenchmarkValidate(b *testing.B) {
	s := compile(b, orderModel)
	body := []byte(order)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if r := s.Validate(body); !r.Valid {
			b.Fatal(r)
		}
	}
}

func BenchmarkValidateRefused(b *testing.B) {
	s := compile(b, orderModel)
	body := []byte(strings.Replace(order, `"n":1`, `"n":"1"`, 1))
	b.ReportAllocs()
	for b.Loop() {
		if r := s.Validate(body); len(r.Reasons) != 1 {
			b.Fatal(r)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		compile(b, orderModel)
	}
}
