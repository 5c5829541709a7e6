package ascode_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/tools/txtar"

	"gatehouse/internal/sigv4"
	"gatehouse/test/gatehousetest"
)

// stackTime bounds what happens to one stack.
const stackTime = 5 * time.Minute

// A publicTemplate is what a template says of itself.
type publicTemplate struct {
	Parameters map[string]any `yaml:"Parameters"`
	Metadata   struct {
		Follows string         `yaml:"Follows"`
		Calls   []templateCall `yaml:"Calls"`
	} `yaml:"Metadata"`
	Resources map[string]struct {
		Type string `yaml:"Type"`
	} `yaml:"Resources"`
}

// A templateCall is a request, and how its answer begins.
type templateCall struct {
	Do   string            `yaml:"Do"`
	Body string            `yaml:"Body"`
	Want string            `yaml:"Want"`
	With map[string]string `yaml:"With"` // headers
}

// TestTemplates makes a stack of each of many templates that follow public ones,
// calls what it made, and deletes it: nothing may be left.
func TestTemplates(t *testing.T) {
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Method, " ", r.URL) }))
	defer backend.Close()
	at := strings.TrimPrefix(backend.URL, "http://")
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--load-balancer", loadBalancer+"="+at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	c.Region = region
	archive, err := txtar.ParseFile("testdata/templates.txtar")
	if err != nil {
		t.Fatal(err)
	}
	before := held(t, c)
	types := map[string]bool{}
	for _, f := range archive.Files {
		var tpl publicTemplate
		if err := yaml.Unmarshal(f.Data, &tpl); err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		if tpl.Metadata.Follows == "" {
			t.Errorf("%s does not say what it follows", f.Name)
		}
		for _, r := range tpl.Resources {
			types[r.Type] = true
		}
		st := &templateStack{c: c, name: strings.TrimSuffix(f.Name, ".yaml"), values: map[string]string{"Backend": at, "LoadBalancer": loadBalancer}}
		t.Run(st.name, func(t *testing.T) {
			st.make(t, string(f.Data), &tpl)
			for _, call := range tpl.Metadata.Calls {
				if got := st.call(t, s, &call); !strings.HasPrefix(got, call.Want) {
					t.Errorf("%s %v = %s, want %s", call.Do, call.With, got, call.Want)
				}
			}
			st.remove(t)
		})
	}
	if left := held(t, c); left != before {
		t.Errorf("stacks were deleted, but there is left\n%s\nbefore there was\n%s", left, before)
	}
	allTypes(t, types)
}

// allTypes wants every type of API Gateway that stacks may have.
func allTypes(t *testing.T, have map[string]bool) {
	t.Helper()
	coverage, err := os.ReadFile(filepath.Join(root, "COVERAGE.md"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(coverage)) {
		name, _, ok := strings.Cut(strings.TrimPrefix(line, "| AWS::ApiGateway"), " |")
		if name = "AWS::ApiGateway" + name; ok && strings.HasPrefix(line, "| AWS::ApiGateway") && !have[name] {
			t.Errorf("no template has a resource of type %s", name)
		}
	}
}

// held is what there is of API Gateway and beside it.
func held(t *testing.T, c *gatehousetest.Client) string {
	t.Helper()
	var b strings.Builder
	for _, path := range []string{"/restapis", "/v2/apis", "/apikeys", "/usageplans", "/domainnames", "/vpclinks", "/v2/vpclinks", "/clientcertificates", "/domainnameaccessassociations"} {
		var all map[string]any
		if err := c.Call(t.Context(), http.MethodGet, path, nil, &all); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		fmt.Fprintln(&b, path, all["item"], all["items"])
	}
	return b.String()
}

// A templateStack is a stack of a test.
type templateStack struct {
	c       *gatehousetest.Client
	name    string
	values  map[string]string // of parameters
	outputs map[string]string
}

func (st *templateStack) make(t *testing.T, text string, tpl *publicTemplate) {
	t.Helper()
	form := url.Values{"TemplateBody": {text}, "Capabilities.member.1": {"CAPABILITY_IAM"}, "Capabilities.member.2": {"CAPABILITY_AUTO_EXPAND"}}
	i := 0
	for name := range tpl.Parameters {
		i++
		form.Set(fmt.Sprintf("Parameters.member.%d.ParameterKey", i), name)
		form.Set(fmt.Sprintf("Parameters.member.%d.ParameterValue", i), st.values[name])
	}
	if _, err := st.do(t.Context(), "CreateStack", form); err != nil {
		t.Fatal(err)
	}
	if got := st.settled(t); got != "CREATE_COMPLETE" {
		events, err := st.do(t.Context(), "DescribeStackEvents", nil)
		t.Fatalf("the stack is %s: %v\n%s", got, err, events)
	}
}

func (st *templateStack) remove(t *testing.T) {
	t.Helper()
	if _, err := st.do(t.Context(), "DeleteStack", nil); err != nil {
		t.Fatal(err)
	}
	// One that ended while it was looked for is shown once more.
	if got := st.settled(t); got != "" && got != "DELETE_COMPLETE" {
		t.Errorf("the deleted stack is %s", got)
	}
}

// settled waits until nothing happens to the stack, and returns its status; "" if
// it is gone.
func (st *templateStack) settled(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), stackTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := st.do(ctx, "DescribeStacks", nil)
		if r := (*gatehousetest.Refusal)(nil); errors.As(err, &r) && strings.Contains(r.Body, "does not exist") {
			return ""
		}
		if err != nil {
			t.Fatal(err)
		}
		var out struct {
			Status  string                                    `xml:"DescribeStacksResult>Stacks>member>StackStatus"`
			Outputs []struct{ OutputKey, OutputValue string } `xml:"DescribeStacksResult>Stacks>member>Outputs>member"`
		}
		if err := xml.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
		if !strings.HasSuffix(out.Status, "_IN_PROGRESS") {
			st.outputs = map[string]string{}
			for _, o := range out.Outputs {
				st.outputs[o.OutputKey] = o.OutputValue
			}
			return out.Status
		}
		select {
		case <-ctx.Done():
			t.Fatalf("the stack is still %s", out.Status)
		case <-tick.C:
		}
	}
}

// do calls an operation of CloudFormation.
func (st *templateStack) do(ctx context.Context, action string, form url.Values) ([]byte, error) {
	full := url.Values{"Action": {action}, "Version": {"2010-05-15"}, "StackName": {st.name}}
	for k, v := range form {
		full[k] = v
	}
	body := []byte(full.Encode())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, st.c.Endpoint+"/", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(req, body, st.c.Key, sigv4.Target{Region: region, Service: "cloudformation"}, time.Now())
	resp, err := st.c.HTTP.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = &gatehousetest.Refusal{Status: resp.StatusCode, Body: string(text)}
	}
	return text, err
}

// call makes a call of a template's: a method and the path of an API's stage, or of
// a host of its own.
func (st *templateStack) call(t *testing.T, s *gatehousetest.Server, call *templateCall) string {
	t.Helper()
	method, path, _ := strings.Cut(call.Do, " ")
	path = os.Expand(path, func(name string) string { return "/_aws/execute-api/" + st.outputs[name] })
	req, err := http.NewRequestWithContext(t.Context(), method, s.DataPlane()+path, strings.NewReader(call.Body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range call.With {
		req.Header.Set(k, v)
	}
	req.Host = cmp.Or(call.With["Host"], req.Host)
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(resp.StatusCode, " ", string(text))
}
