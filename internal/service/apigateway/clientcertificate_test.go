package apigateway

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// AWS: what is in the certificate, by one shown in public; 365 days by the
// developer guide.
func TestGenerateClientCertificate(t *testing.T) {
	c := newClient(t)
	before := time.Now().Truncate(time.Second)
	out := c.must("GenerateClientCertificate", doc{"description": "for the shop", "tags": doc{"a": "b"}})
	id, text := out["clientCertificateId"].(string), out["pemEncodedCertificate"].(string)
	if !strings.HasPrefix(text, "-----BEGIN CERTIFICATE-----\r\n") || !strings.HasSuffix(text, "\r\n-----END CERTIFICATE-----") {
		t.Fatalf("certificate = %q", text)
	}
	block, _ := pem.Decode([]byte(text))
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got := cert.Subject.ToRDNSequence().String(); got != "CN=ApiGateway,L=Seattle,C=US" || cert.Issuer.String() != got {
		t.Errorf("subject %s, issuer %s", got, cert.Issuer)
	}
	if life := cert.NotAfter.Sub(cert.NotBefore); life != 365*24*time.Hour || cert.NotBefore.Before(before) {
		t.Errorf("valid from %v for %v", cert.NotBefore, life)
	}
	if key, ok := cert.PublicKey.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 || cert.SignatureAlgorithm != x509.SHA256WithRSA {
		t.Errorf("key %T, signed by %v", cert.PublicKey, cert.SignatureAlgorithm)
	}
	if out["createdDate"] != float64(cert.NotBefore.Unix()) || out["expirationDate"] != float64(cert.NotAfter.Unix()) {
		t.Errorf("created %v, expires %v; certificate from %v to %v", out["createdDate"], out["expirationDate"], cert.NotBefore, cert.NotAfter)
	}

	// The key is kept and fits, and is never shown.
	rec, _, err := record.In(c.st, store.NewBlobs(c.st, "/"), record.Scope{Account: testAccount, Region: testRegion}).ClientCertificates.Get(t.Context(), store.ID(id))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair([]byte(*rec.PemEncodedCertificate), []byte(rec.Key)); err != nil {
		t.Error(err)
	}
	updated := c.must("UpdateClientCertificate", doc{"clientCertificateId": id, "patchOperations": patch("replace", "/description", "for all")})
	if updated["description"] != "for all" || updated["pemEncodedCertificate"] != text {
		t.Errorf("updated = %v", updated)
	}
	for _, shown := range []any{out, updated, c.must("GetClientCertificate", doc{"clientCertificateId": id}), c.must("GetClientCertificates", nil), fmt.Sprintf("%v %+v", rec, rec)} {
		if s := fmt.Sprint(shown); strings.Contains(s, "PRIVATE KEY") {
			t.Errorf("shown: %s", s)
		}
	}
	if items := c.must("GetClientCertificates", doc{"limit": 10})["items"].([]any); len(items) != 1 {
		t.Errorf("list = %v", items)
	}
	name := "arn:aws:apigateway:" + testRegion + "::/clientcertificates/" + id
	if tags := c.must("GetTags", doc{"resourceArn": name})["tags"].(doc); tags["a"] != "b" {
		t.Errorf("tags = %v", tags)
	}
}

func TestClientCertificateOfStage(t *testing.T) {
	c := newClient(t)
	id, _ := c.newDeployableAPI()
	c.must("CreateDeployment", doc{"restApiId": id, "stageName": "prod"})
	cert := c.must("GenerateClientCertificate", nil)["clientCertificateId"].(string)
	out := c.must("UpdateStage", stagePatch(id, "replace", "/clientCertificateId", cert))
	if out["clientCertificateId"] != cert {
		t.Errorf("stage = %v", out)
	}
	c.fail("UpdateStage", stagePatch(id, "replace", "/clientCertificateId", "none"), "BadRequestException: Invalid client certificate identifier specified")
	c.fail("DeleteClientCertificate", doc{"clientCertificateId": cert},
		fmt.Sprintf("BadRequestException: Cannot delete client certificate '%s'. It is in use by stage 'prod' of API '%s'.", cert, id))
	if out := c.must("UpdateStage", stagePatch(id, "replace", "/clientCertificateId", "")); out["clientCertificateId"] != nil {
		t.Errorf("stage = %v", out)
	}
	c.must("DeleteClientCertificate", doc{"clientCertificateId": cert})
	for _, operation := range []string{"GetClientCertificate", "UpdateClientCertificate", "DeleteClientCertificate"} {
		c.fail(operation, doc{"clientCertificateId": cert}, "NotFoundException: Invalid Client Certificate identifier specified")
	}
}

func TestClientCertificateLimit(t *testing.T) {
	c := newClient(t)
	c.svc.opt.Limits.ClientCertificates = 1
	c.must("GenerateClientCertificate", nil)
	c.fail("GenerateClientCertificate", nil, "LimitExceededException: Maximum number of Client Certificates has been reached.  "+
		"Please contact AWS if you need additional Client Certificates.")
}
