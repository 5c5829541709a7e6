package step_test

import (
	"net/netip"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/step"
	"gatehouse/internal/policy"
	"gatehouse/internal/wire"
)

func resourcePolicy(t testing.TB, statements string) *policy.Document {
	t.Helper()
	d, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[` + statements + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const (
	policyAllows = `{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:a1/prod/GET/pets/*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}`
	policySilent = `{"Effect":"Allow","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:a1/other/*"}`
	policyDenies = `{"Sid":"No","Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"arn:aws:execute-api:us-east-1:111122223333:a1/prod/GET/pets/*"}`
)

func asking(path string) *gateway.Exchange {
	x := new(gateway.Exchange)
	x.Stage = &gateway.Stage{Account: "111122223333", Region: "us-east-1", API: "a1", Name: "prod"}
	x.Peer = &wire.Peer{Addr: netip.MustParseAddrPort("192.0.2.7:5000"), Local: netip.MustParseAddrPort("10.0.0.1:8443")}
	x.Vars.HTTPMethod, x.Vars.Path = "GET", path
	return x
}

func refusal(err error) string {
	if err == nil {
		return ""
	}
	f, ok := err.(*gateway.Fault) //nolint:errorlint // steps return faults bare
	if !ok {
		return "no fault: " + err.Error()
	}
	return f.Text()
}

const refused = "User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:aws:execute-api:us-east-1:********3333:a1/prod/GET/pets/7"

// AWS: authorizers.md §7.
func TestPolicySteps(t *testing.T) {
	const notAllowed = "User is not authorized to access this resource"
	tests := []struct {
		statements  string // "-": no policy
		by          policy.Effect
		deny, allow string
		combined    string
	}{
		{policyAllows, policy.Allow, "", "", ""},
		{policyAllows, policy.NoMatch, "", "", ""},
		{policyAllows, policy.Deny, "", "", notAllowed},
		{policySilent, policy.Allow, "", refused, ""},
		{policySilent, policy.NoMatch, "", refused, notAllowed},
		{policyDenies, policy.Allow, refused + " with an explicit deny", refused + " with an explicit deny", refused + " with an explicit deny"},
		{policyAllows + "," + policyDenies, policy.Allow, refused + " with an explicit deny", refused + " with an explicit deny", refused + " with an explicit deny"},
		{"-", policy.Allow, "", refused, refused},
	}
	for _, tt := range tests {
		var doc *policy.Document
		if tt.statements != "-" {
			doc = resourcePolicy(t, tt.statements)
		}
		steps := []struct {
			name string
			step gateway.Step
			want string
		}{
			{"PolicyDeny", &step.PolicyDeny{Document: doc}, tt.deny},
			{"PolicyAllow", &step.PolicyAllow{Document: doc}, tt.allow},
			{"PolicyCombined", &step.PolicyCombined{Document: doc}, tt.combined},
		}
		for _, s := range steps {
			if doc == nil && s.name == "PolicyDeny" {
				continue // is left out without a policy
			}
			x := asking("/pets/7")
			x.Allowed = tt.by
			if got := refusal(s.step.Do(t.Context(), x)); got != s.want {
				t.Errorf("%s of %s with %v by the authorizer = %q, want %q", s.name, tt.statements, tt.by, got, s.want)
			}
		}
	}
}

// However a path is written, it is the path that was routed.
func TestPolicySeesOnePath(t *testing.T) {
	deny := &step.PolicyDeny{Document: resourcePolicy(t, policyDenies)}
	for _, path := range []string{"/pets/7", "pets/7", "//pets/7", "/pets/7/", "/%70ets/7", "/pets/%37", "/p%65ts/%37/"} {
		if deny.Do(t.Context(), asking(path)) == nil {
			t.Errorf("%s gets around the policy", path)
		}
	}
	if err := deny.Do(t.Context(), asking("/pets%2F7")); err != nil {
		t.Errorf("an encoded slash is taken for a slash: %v", err)
	}
}

func TestPrivateOnly(t *testing.T) {
	nets := func(s ...string) (list []netip.Prefix) {
		for _, n := range s {
			list = append(list, netip.MustParsePrefix(n))
		}
		return list
	}
	tests := []struct {
		name      string
		endpoints []gateway.VPCEndpoint
		want      string
	}{
		{"none", nil, ""},
		{"another port", []gateway.VPCEndpoint{{ID: "vpce-1", Port: 80}}, ""},
		{"another network", []gateway.VPCEndpoint{{ID: "vpce-1", Clients: nets("10.0.0.0/8")}}, ""},
		{"port and another network", []gateway.VPCEndpoint{{ID: "vpce-1", Port: 8443, Clients: nets("10.0.0.0/8")}}, ""},
		{"port", []gateway.VPCEndpoint{{ID: "vpce-1", Port: 8443}}, "vpce-1"},
		{"the first that covers", []gateway.VPCEndpoint{{ID: "vpce-1", Port: 80}, {ID: "vpce-2", Clients: nets("10.0.0.0/8", "192.0.2.0/24")}, {ID: "vpce-3"}}, "vpce-2"},
	}
	for _, tt := range tests {
		x := asking("/pets/7")
		err := (&step.PrivateOnly{Endpoints: tt.endpoints}).Do(t.Context(), x)
		got := ""
		if x.Endpoint != nil {
			got = x.Endpoint.ID
		}
		if got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s: came in by %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
}

func TestEndpointPolicy(t *testing.T) {
	tests := []struct {
		statements, want string
	}{
		{policySilent, refused + " because no VPC endpoint policy allows the execute-api:Invoke action"},
		{policyDenies, refused + " with an explicit deny in a VPC endpoint policy"},
		{`{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`, ""},
		// Behind an endpoint the client's address has another name.
		{policyAllows, refused + " because no VPC endpoint policy allows the execute-api:Invoke action"},
	}
	for _, tt := range tests {
		x := asking("/pets/7")
		x.Endpoint = &gateway.VPCEndpoint{ID: "vpce-1", Policy: resourcePolicy(t, tt.statements)}
		if got := refusal(step.EndpointPolicy{}.Do(t.Context(), x)); got != tt.want {
			t.Errorf("with %s: %q, want %q", tt.statements, got, tt.want)
		}
	}
}

func TestPolicyAllocs(t *testing.T) {
	allow := &step.PolicyAllow{Document: resourcePolicy(t, policyAllows)}
	x := asking("/pets/7")
	x.Buf = make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(1000, func() {
		x.Buf = x.Buf[:0]
		if err := allow.Do(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a decision allocates %v times, budget 0", n)
	}
}
