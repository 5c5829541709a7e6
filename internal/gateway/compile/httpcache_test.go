package compile_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"testing"

	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/clientcert"
	"gatehouse/internal/function"
	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/gatewaytest"
	"gatehouse/internal/wire"
)

// Where nobody says what answers depend on, it is whatever tells clients apart:
// none of them gets what was meant for another.
func TestHTTPCacheOfClients(t *testing.T) {
	calls := 0
	w := worldWith(t, functions{functionPrefix + "count": func(context.Context, *function.Invocation) (*function.Result, error) {
		calls++
		return &function.Result{Status: 200, Payload: fmt.Appendf(nil, `{"statusCode": 200, "body": "%d"}`, calls)}, nil
	}})
	w.deployRoute("h", "GET /{x}", v2.Integration{IntegrationUri: new(functionPrefix + "count"), RequestParameters: map[string]string{"gatehouse:cacheTtlInSeconds": "60"}})
	shown := func(issuer string, serial int64) *clientcert.Shown {
		name, err := asn1.Marshal(pkix.Name{CommonName: issuer}.ToRDNSequence())
		if err != nil {
			t.Fatal(err)
		}
		return clientcert.Show([]*x509.Certificate{{RawIssuer: name, SerialNumber: big.NewInt(serial)}})
	}
	one := shown("a", 1)
	for i, tt := range []struct {
		client *clientcert.Shown
		lines  []string
		want   string
	}{
		{nil, nil, "1"},
		{nil, nil, "1"},
		{nil, []string{"Authorization: me"}, "2"},
		{nil, []string{"Cookie: me"}, "3"},
		{nil, []string{"X-API-Key: me"}, "4"},
		{one, nil, "5"},
		{shown("a", 2), nil, "6"},
		{shown("b", 1), nil, "7"},
		{one, nil, "5"},
		{nil, nil, "1"},
	} {
		x := &gateway.Exchange{Peer: new(wire.Peer)}
		gatewaytest.Fill(x, "GET", "/_aws/execute-api/h/s/a", "", append(tt.lines, "Host: localhost")...)
		p := w.gw.Begin(x)
		if p == nil {
			t.Fatalf("there is no such stage: %d", x.MethodResponse.Status)
		}
		x.Client = tt.client
		p.Run(context.Background(), x)
		a, err := gatewaytest.Drain(x)
		if err != nil || a.Status != 200 || a.Body != tt.want {
			t.Errorf("request %d: %d %q, %v; want %q", i, a.Status, a.Body, err, tt.want)
		}
		w.gw.Finish(x, wire.Sent{})
	}
}
