package policy_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"gatehouse/internal/policy"
)

var update = flag.Bool("update", false, "rewrite the want of golden cases")

// TestSets runs the golden cases: one file is one case, and its first lines say
// what it shows.
func TestSets(t *testing.T) {
	files, err := filepath.Glob("testdata/set/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden cases: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got, want := decide(t, a), ""
			for i, f := range a.Files {
				if f.Name != "want" {
					continue
				}
				want = string(f.Data)
				a.Files[i].Data = []byte(got)
			}
			if got == want {
				return
			}
			if !*update {
				t.Errorf("got %swant %s", got, want)
				return
			}
			if err := os.WriteFile(file, txtar.Format(a), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// decide asks the documents of a case its question.
func decide(t *testing.T, a *txtar.Archive) string {
	t.Helper()
	var set policy.Set
	var r policy.Request
	for _, f := range a.Files {
		kind, _, _ := strings.Cut(f.Name, ".")
		if kind == "want" {
			continue
		}
		if kind == "request" {
			var in struct {
				Principal        policy.Principal
				Action, Resource string
				Keys             policy.Map
				Root, Cross      bool
			}
			if err := json.Unmarshal(f.Data, &in); err != nil {
				t.Fatal(err)
			}
			r = policy.Request{Principal: in.Principal, Action: in.Action, Resource: in.Resource, Now: now, Keys: in.Keys}
			set.Root, set.CrossAccount = in.Root, in.Cross
			continue
		}
		d := parse(t, string(f.Data))
		switch kind {
		case "identity":
			set.Identity = append(set.Identity, d)
		case "boundary":
			set.Boundary = d
		case "session":
			set.Session = append(set.Session, d)
		case "resource":
			set.Resource = d
		default:
			t.Fatalf("a case has no %s", f.Name)
		}
	}
	v := set.Decide(&r)
	if v.Allowed {
		return fmt.Sprintf("allowed by %s\n", v.Source)
	}
	return "refused" + string(v.AppendReason(nil, r.Action)) + "\n"
}

// FuzzParse wants no panic, and that what was parsed can be asked and never
// lets in what it denies.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		typical, `{"Statement":{"Effect":"Deny","NotAction":"a:b","NotResource":"arn:aws:s3:::${aws:username}","NotPrincipal":{"AWS":"1"}}}`,
		`{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"","Effect":"Allow","Principal":"*","Action":["a:*"],"Resource":"*","Condition":{"ForAnyValue:StringLikeIfExists":{"a:b":["*?${*}",1,true]},"Null":{"a:b":true}}}]}`,
		`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2026"},"IpAddress":{"aws:SourceIp":"::/0"}}}]}`,
	} {
		f.Add([]byte(seed), "execute-api:Invoke", methodARN)
	}
	f.Fuzz(func(t *testing.T, document []byte, action, resource string) {
		d, err := policy.Parse(document)
		if err != nil {
			if _, ok := err.(*policy.Error); !ok { //nolint:errorlint // Parse promises the type
				t.Fatalf("Parse returned %T", err)
			}
			return
		}
		r := typicalRequest()
		r.Action, r.Resource = action, resource
		got := d.Evaluate(r)
		if got.Effect != policy.NoMatch && (got.Statement < 0 || got.Statement >= d.Len()) {
			t.Errorf("Evaluate = %+v of %d statements", got, d.Len())
		}
		for k := policy.Identity; k <= policy.Resource; k++ {
			_ = d.Check(k) // must only not panic
		}
		set := policy.Set{Identity: []*policy.Document{d}, Resource: parse(t, `{"Statement":{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}}`)}
		if set.Decide(r).Allowed {
			t.Error("allowed what the resource's policy denies")
		}
	})
}
