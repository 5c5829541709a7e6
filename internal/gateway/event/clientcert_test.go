package event_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"math/big"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/clientcert"
)

func shownCertificate(t *testing.T) (shown *clientcert.Shown, pem string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(0xa1a2), Subject: pkix.Name{Country: []string{"US"}, CommonName: "My Client"},
		NotBefore: time.Date(2019, 5, 28, 12, 30, 2, 0, time.UTC), NotAfter: time.Date(2021, 8, 5, 9, 36, 4, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	if c, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	shown = clientcert.Show([]*x509.Certificate{c})
	quoted, err := json.Marshal(shown.Text().PEM)
	if err != nil {
		t.Fatal(err)
	}
	return shown, string(quoted)
}

// The client's certificate is a member of identity, which then has the order of
// a larger table.
//
// AWS: authorizers.md §8, the times are those of the guide's example.
func TestProxyEventClientCertificate(t *testing.T) {
	f, x := served(t, "/pets", "GET /stage/pets", "", nil)
	var pem string
	x.Client, pem = shownCertificate(t)
	want := `"identity":{"cognitoIdentityPoolId":null,"cognitoIdentityId":null,"clientCert":{"clientCertPem":` + pem +
		`,"subjectDN":"C=US,CN=My Client","issuerDN":"C=US,CN=My Client","serialNumber":"a1:a2",` +
		`"validity":{"notBefore":"May 28 12:30:02 2019 GMT","notAfter":"Aug  5 09:36:04 2021 GMT"}},"principalOrgId":null,`
	if got := fixed(x, f.AppendContext(nil, x)); !strings.Contains(got, want) || !json.Valid([]byte(got)) {
		t.Errorf("requestContext is\n%s\nwithout\n%s", got, want)
	}
}

// AWS: authorizers.md §8: the member is authentication.
func TestHTTPEventClientCertificate(t *testing.T) {
	f, x := servedHTTP(t, "$default", "GET /pets", "GET /pets", "")
	var pem string
	x.Client, pem = shownCertificate(t)
	want := `"apiId":"api1","authentication":{"clientCert":{"clientCertPem":` + pem +
		`,"issuerDN":"C=US,CN=My Client","serialNumber":"a1:a2","subjectDN":"C=US,CN=My Client",` +
		`"validity":{"notAfter":"Aug  5 09:36:04 2021 GMT","notBefore":"May 28 12:30:02 2019 GMT"}}},"domainName":`
	if got := fixed(x, f.AppendHTTP(nil, x, nil)); !strings.Contains(got, want) || !json.Valid([]byte(got)) {
		t.Errorf("event is\n%s\nwithout\n%s", got, want)
	}
}
