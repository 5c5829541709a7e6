package gateway_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"gatehouse/internal/clientcert"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/wire"
)

// authority makes a trust store, and what a client of its authority shows.
func authority(t *testing.T) (*clientcert.Store, *clientcert.Shown) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		BasicConstraintsValid: true, IsCA: true, KeyUsage: x509.KeyUsageCertSign}
	root.Subject.CommonName = "root"
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: root.NotBefore, NotAfter: root.NotAfter}
	leaf.Subject.CommonName = "ann"
	rootDER, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leafDER, err := x509.CreateCertificate(rand.Reader, leaf, root, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	st, _, err := clientcert.ParseStore(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}))
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(leafDER)
	if err != nil {
		t.Fatal(err)
	}
	return st, clientcert.Show([]*x509.Certificate{cert})
}

// Who comes in by which door with which certificate, for REST and HTTP APIs: a
// domain that asks for one is never served without.
//
// AWS: authorizers.md §8.
func TestClientCertificates(t *testing.T) {
	ours, ann := authority(t)
	_, stranger := authority(t)
	served := func(id string, http bool) *gateway.API {
		routes := []*gateway.Route{{Key: "GET /pets", Method: "GET", ResourcePath: "/pets", Plan: new(gateway.Plan)}}
		router, err := gateway.NewRouter(routes)
		if http {
			router, err = gateway.NewHTTPRouter(routes)
		}
		if err != nil {
			t.Fatal(err)
		}
		st := &gateway.Stage{API: id, Name: "s", Router: router, Fallback: new(gateway.Plan)}
		return &gateway.API{ID: id, HTTP: http, Stages: map[string]*gateway.Stage{"s": st}}
	}
	rest, http := served("rest1", false), served("http1", true)
	table, err := gateway.NewTable(1, []*gateway.API{rest, http}, []*gateway.Host{
		{Name: "rest.example.com", Clients: ours, Mappings: []gateway.Mapping{{API: rest, Stage: rest.Stages["s"]}}},
		{Name: "http.example.com", Clients: ours, Mappings: []gateway.Mapping{{API: http, Stage: http.Stages["s"]}}},
		{Name: "*.wild.example.com", Clients: ours, Mappings: []gateway.Mapping{{API: rest, Stage: rest.Stages["s"]}}},
		{Name: "nobody.example.com", Clients: clientcert.Nobody(), Mappings: []gateway.Mapping{{API: rest, Stage: rest.Stages["s"]}}},
		{Name: "open.example.com", Mappings: []gateway.Mapping{{API: rest, Stage: rest.Stages["s"]}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	rule := func(required bool) *clientcert.Rule {
		r := &clientcert.Rule{Required: required}
		r.Set(ours)
		return r
	}
	plain, none := &wire.Peer{}, &wire.Peer{TLS: true, SNI: "open.example.com"}
	good, bad := &wire.Peer{TLS: true, Client: ann}, &wire.Peer{TLS: true, Client: stranger}
	tests := []struct {
		name string
		rule *clientcert.Rule // of the listener
		host string
		peer *wire.Peer
		want bool
	}{
		{"domain, good", nil, "rest.example.com", good, true},
		{"domain of an HTTP API, good", nil, "http.example.com", good, true},
		{"domain in capitals, good", nil, "REST.example.com.:443", good, true},
		{"domain, stranger", nil, "rest.example.com", bad, false},
		{"domain of an HTTP API, stranger", nil, "http.example.com", bad, false},
		{"domain, none", nil, "rest.example.com", none, false},
		{"domain in capitals, none", nil, "REST.example.com.:443", none, false},
		{"domain of an HTTP API, none", nil, "http.example.com", none, false},
		{"domain with a star, none", nil, "a.wild.example.com", none, false},
		{"domain, no TLS", nil, "rest.example.com", plain, false},
		{"domain, unknown peer", nil, "rest.example.com", nil, false},
		{"domain whose store is of no use", nil, "nobody.example.com", good, false},
		{"open domain, none", nil, "open.example.com", none, true},
		{"open domain, stranger", nil, "open.example.com", bad, true},
		{"listener, good", rule(true), "open.example.com", good, true},
		{"listener, stranger", rule(true), "open.example.com", bad, false},
		{"listener, none", rule(true), "open.example.com", none, false},
		{"listener without TLS", rule(true), "open.example.com", plain, true},
		{"listener that may, none", rule(false), "open.example.com", none, true},
		{"listener that may, stranger", rule(false), "open.example.com", bad, false},
		{"listener that may, domain, none", rule(false), "rest.example.com", none, false},
		{"both, good", rule(true), "rest.example.com", good, true},
		{"both, no TLS", rule(true), "rest.example.com", plain, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			gw := &gateway.Gateway{Clients: tt.rule}
			gw.Publish(table)
			x := &gateway.Exchange{Peer: tt.peer}
			gatewaytest.Fill(x, "GET", "/pets", "", "Host: "+tt.host)
			if got := gw.Begin(x) != nil; got != tt.want {
				t.Fatalf("served is %v, want %v", got, tt.want)
			}
			if !tt.want && (x.MethodResponse.Status != 403 || string(x.MethodResponse.Body.Bytes) != `{"message":"Forbidden"}`) {
				t.Errorf("answer %d %s", x.MethodResponse.Status, x.MethodResponse.Body.Bytes)
			}
			// What nobody verified must not be shown to backends.
			if tt.want && x.Client != nil && x.Client != ann {
				t.Error("the certificate of a stranger is the exchange's")
			}
			gw.Finish(x, wire.Sent{})
		})
	}
}
