package step_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/gateway/step"
)

// Constant templates, those of most MOCKs, cost nothing on the heap.
func TestConstantTemplateAllocs(t *testing.T) {
	request := newRequestTemplate(t, &step.RequestTransform{Templates: map[string]string{"application/json": `{"statusCode": 200}`}})
	response, err := step.NewIntegrationResponse([]step.Response{{Status: 200, Templates: map[string]string{"application/json": `{"ok": true}`}}}, step.BackendMock, &step.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	x := begun(petRoute(), []string{"1", "2"}, "GET", "/", "", "Content-Type: application/json; charset=utf-8")
	x.IntegrationResponse.Status = 200
	if n := testing.AllocsPerRun(1000, func() {
		for _, s := range []gateway.Step{request, response} {
			if err := s.Do(context.Background(), x); err != nil {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("constant templates allocate %v times, budget 0", n)
	}
}

// passThrough prints what most templates of users do: parameters, the context,
// and the body. It has 20 lines.
var passThrough = `#set($params = $input.params())
{
"body": $input.json('$'),
"params": {
#foreach($type in $params.keySet())
#set($list = $params.get($type))
"$type": {
#foreach($name in $list.keySet())
"$name": "$util.escapeJavaScript($list.get($name))"#if($foreach.hasNext),#end
#end
}#if($foreach.hasNext),#end
#end
},
"context": {
"api": "$context.apiId",
"stage": "$context.stage",
"path": "$context.resourcePath",
"ip": "$context.identity.sourceIp"
}
}`

// BenchmarkTemplates is a request and a response transformed, over 1 KB of JSON
// each.
func BenchmarkTemplates(b *testing.B) {
	in := &step.RequestTransform{Templates: map[string]string{"application/json": passThrough}, Backend: step.BackendHTTP}
	request, err := step.NewRequestTemplate(in, &step.Scope{Route: petRoute()})
	if err != nil {
		b.Fatal(err)
	}
	response, err := step.NewIntegrationResponse([]step.Response{{Status: 200, Templates: map[string]string{"application/json": passThrough}}}, step.BackendHTTP, &step.Scope{})
	if err != nil {
		b.Fatal(err)
	}
	var pets []string
	for i := range 20 {
		pets = append(pets, fmt.Sprintf(`{"id": %d, "name": "pet %d", "tags": ["a", "b"]}`, i, i))
	}
	body := `{"pets": [` + strings.Join(pets, ", ") + `]}`
	cl := &gatewaytest.Cluster{Body: body}
	x := begun(petRoute(), []string{"1", "2"}, "POST", "/?a=1&b=2", body, "Content-Type: application/json", "User-Agent: test", "Accept: application/json")
	b.ReportAllocs()
	b.SetBytes(int64(2 * len(body)))
	for b.Loop() {
		x.Buf, x.Text, x.Overrides = x.Buf[:0], x.Text[:0], nil
		if err := request.Do(context.Background(), x); err != nil {
			b.Fatal(err)
		}
		if err := cl.Do(context.Background(), &x.IntegrationRequest, &x.IntegrationResponse, x.Deadline); err != nil {
			b.Fatal(err)
		}
		if err := response.Do(context.Background(), x); err != nil {
			b.Fatal(err)
		}
	}
}
