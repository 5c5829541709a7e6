package vtl_test

import (
	"testing"

	"gatehouse/internal/vtl"
)

// benchTemplate is a mapping of twenty lines as APIs have them.
const benchTemplate = `#set($root = $input.path('$'))
#set($user = $root.user)
{
  "requestId": "$context.requestId",
  "stage": "$context.stage",
  "source": "$context.identity.sourceIp",
  "color": "$stageVariables.color",
  "id": "$input.params('id')",
  "name": "$util.escapeJavaScript($user.name)",
  "email": "$user.email.toLowerCase()",
  #if($user.age >= 18)
  "adult": true,
  #else
  "adult": false,
  #end
  "first": $input.json('$.items[0]'),
  "items": [
#foreach($item in $root.items)
    {"sku": "$item.sku", "total": $item.total, "tags": $item.tags.size()}#if($foreach.hasNext),#end

#end
  ]
}`

// benchBody is a document of a kilobyte.
const benchBody = `{"user": {"name": "Ann O'Neill", "email": "Ann.ONeill@Example.com", "age": 34, "address": {"street": "Main Street 5", "city": "Springfield", "zip": "12345"}},
 "items": [
  {"sku": "A-1001", "title": "Coffee mug, blue, 350 ml", "count": 2, "price": 9.99, "total": 19.98, "tags": ["kitchen", "gift"]},
  {"sku": "B-2002", "title": "Notebook with dotted pages", "count": 1, "price": 14.5, "total": 14.5, "tags": ["office"]},
  {"sku": "C-3003", "title": "Desk lamp with a warm light", "count": 1, "price": 49, "total": 49, "tags": ["office", "light", "sale"]},
  {"sku": "D-4004", "title": "Cable, three metres, braided", "count": 3, "price": 7.25, "total": 21.75, "tags": []}
 ],
 "payment": {"kind": "card", "last4": "4242", "token": "tok_1a2b3c4d5e6f7g8h9i0j", "billing": {"street": "Main Street 5", "city": "Springfield", "zip": "12345"}},
 "note": "Please leave the parcel at the neighbour's door if nobody is at home.", "coupon": null, "express": true}`

func benchSetup(tb testing.TB) (*vtl.Template, *vtl.Env) {
	t, err := vtl.Compile(benchTemplate)
	if err != nil {
		tb.Fatal(err)
	}
	return t, goldenEnv(benchBody)
}

// Budget: 15 µs and 20 allocations.
func BenchmarkTemplate(b *testing.B) {
	t, env := benchSetup(b)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	b.SetBytes(int64(len(benchBody)))
	for b.Loop() {
		if _, err := t.Append(dst, env); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPassThrough is $input.json('$') alone.
func BenchmarkPassThrough(b *testing.B) {
	t, err := vtl.Compile("$input.json('$')")
	if err != nil {
		b.Fatal(err)
	}
	env := goldenEnv(benchBody)
	dst := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := t.Append(dst, env); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vtl.Compile(benchTemplate); err != nil {
			b.Fatal(err)
		}
	}
}

func TestTemplateAllocs(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes pools allocate")
	}
	tpl, env := benchSetup(t)
	dst := make([]byte, 0, 4096)
	n := testing.AllocsPerRun(500, func() {
		if _, err := tpl.Append(dst, env); err != nil {
			t.Fatal(err)
		}
	})
	if n > 20 {
		t.Errorf("Append allocates %v times, budget 20", n)
	}
}
