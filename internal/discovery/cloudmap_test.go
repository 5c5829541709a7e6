package discovery_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/awsclient"
	"gatehouse/internal/discovery"
	"gatehouse/internal/sigv4"
)

// elsewhere is a source that asks a Cloud Map at an address.
func elsewhere(t *testing.T, address string, c discovery.CloudMap) discovery.Source {
	t.Helper()
	aws, err := awsclient.New(awsclient.Options{Endpoints: map[string]string{"data-servicediscovery": address}, Credentials: "root", Root: sigv4.Key{AccessKey: "AKIA", SecretKey: "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(aws.Close)
	c.Namespace, c.Service, c.Elsewhere, c.Interval = "prod", "orders", true, time.Second
	conf := discovery.Config{CloudMap: &c}
	if err := conf.Check(); err != nil {
		t.Fatal(err)
	}
	src, err := conf.Source(discovery.Surroundings{AWS: aws})
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// A Cloud Map elsewhere is asked as AWS's is: signed, for all instances, of which
// those that are not well are left out here.
func TestCloudMapElsewhere(t *testing.T) {
	g := newRegistry(t, func(g *registry, w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // what is missing fails below
		if r.Header.Get("X-Amz-Target") != "Route53AutoNaming_v20170314.DiscoverInstances" || !strings.Contains(r.Header.Get("Authorization"), "/eu-west-1/servicediscovery/aws4_request") ||
			!strings.Contains(string(body), `"HealthStatus":"ALL"`) || !strings.Contains(string(body), `"QueryParameters":{"version":"2"}`) {
			http.Error(w, "not as asked for: "+string(body), http.StatusBadRequest)
			return
		}
		state, version := g.wait(r, 0)
		writeJSON(w, doc{"Instances": state, "InstancesRevision": version})
	})
	instance := func(id, addr, health string, more ...string) doc {
		attrs := doc{"AWS_INSTANCE_IPV4": addr, "version": "2"}
		for i := 0; i < len(more); i += 2 {
			attrs[more[i]] = more[i+1]
		}
		return doc{"InstanceId": id, "HealthStatus": health, "NamespaceName": "prod", "ServiceName": "orders", "Attributes": attrs}
	}
	g.set([]doc{instance("a", "10.0.0.1", "HEALTHY", "AWS_INSTANCE_PORT", "80", "AVAILABILITY_ZONE", "z1"), instance("b", "10.0.0.2", "UNHEALTHY"), instance("c", "10.0.0.3", "UNKNOWN")})
	finds, errs := answers(t, elsewhere(t, g.URL, discovery.CloudMap{Region: "eu-west-1", Port: 8080, Attributes: map[string]string{"version": "2"}}))
	if f := next(t, finds, errs, "10.0.0.1:80@z1 10.0.0.3:8080"); f.Revision != "11" {
		t.Errorf("revision %s, want 11", f.Revision)
	}
	g.set([]doc{instance("b", "10.0.0.2", "UNHEALTHY")}) // all are better than none
	next(t, finds, errs, "10.0.0.2:8080")
}

func TestCloudMapElsewhereFails(t *testing.T) {
	for text, want := range map[string]string{
		`{"__type":"NamespaceNotFound","message":"Namespace not found"}`: "DiscoverInstances answered 400: ",
		`<html>`: "answer of DiscoverInstances: invalid character",
		`{}`:     "has no instances",
	} {
		g := newRegistry(t, func(_ *registry, w http.ResponseWriter, _ *http.Request) {
			if strings.Contains(text, "__type") {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = io.WriteString(w, text)
		})
		if _, err := once(t, elsewhere(t, g.URL, discovery.CloudMap{})); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
