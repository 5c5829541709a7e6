package clientcert_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/clientcert"
)

var now = time.Now().Truncate(time.Second)

// A party has a certificate and its key.
type party struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// like changes what a certificate is made of.
type like func(*x509.Certificate)

func authority(c *x509.Certificate) {
	c.IsCA, c.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
}

func until(t time.Time) like { return func(c *x509.Certificate) { c.NotAfter = t } }

func key256(t *testing.T) crypto.Signer { return ecKey(t, elliptic.P256()) }

func ecKey(t *testing.T, curve elliptic.Curve) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// issue makes a certificate that by signs; nil: itself.
func issue(t *testing.T, name string, by *party, key crypto.Signer, changes ...like) *party {
	t.Helper()
	c := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{Country: []string{"DE"}, Organization: []string{"Shop, Ltd"}, CommonName: name},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), BasicConstraintsValid: true,
	}
	for _, change := range changes {
		change(c)
	}
	p := &party{key: key}
	if by == nil {
		by = &party{cert: c, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if p.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return p
}

func pemOf(list ...*party) []byte {
	var b bytes.Buffer
	for _, p := range list {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: p.cert.Raw}) // a buffer does not fail
	}
	return b.Bytes()
}

func storeOf(t *testing.T, list ...*party) *clientcert.Store {
	t.Helper()
	s, warnings, err := clientcert.ParseStore(pemOf(list...))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	return s
}

func show(list ...*party) *clientcert.Shown {
	var chain []*x509.Certificate
	for _, p := range list {
		chain = append(chain, p.cert)
	}
	return clientcert.Show(chain)
}

// TestCheck has every reason for which a certificate is not trusted.
//
// AWS: authorizers.md §8.
func TestCheck(t *testing.T) {
	root := issue(t, "root", nil, key256(t), authority)
	middle := issue(t, "middle", root, key256(t), authority)
	lower := issue(t, "lower", middle, key256(t), authority)
	lowest := issue(t, "lowest", lower, key256(t), authority)
	other := issue(t, "root", nil, key256(t), authority) // the same name, another key
	weakKey, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	good := issue(t, "good", root, key256(t))
	use := func(u x509.ExtKeyUsage) like {
		return func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{u} }
	}
	tests := []struct {
		name  string
		store *clientcert.Store
		shown *clientcert.Shown
		want  error
	}{
		{"good", storeOf(t, root), show(good), nil},
		{"for clients", storeOf(t, root), show(issue(t, "c", root, key256(t), use(x509.ExtKeyUsageClientAuth))), nil},
		{"P-384", storeOf(t, root), show(issue(t, "c", root, ecKey(t, elliptic.P384()))), nil},
		{"middle in the store", storeOf(t, root, middle), show(issue(t, "c", middle, key256(t))), nil},
		{"middle shown", storeOf(t, root), show(issue(t, "c", middle, key256(t)), middle), nil},
		{"four in the chain", storeOf(t, root, middle, lower), show(issue(t, "c", lower, key256(t))), nil},

		{"none", storeOf(t, root), show(), clientcert.ErrMissing},
		{"nobody is trusted", clientcert.Nobody(), show(good), clientcert.ErrIssuer},
		{"of another authority", storeOf(t, root), show(issue(t, "c", other, key256(t))), clientcert.ErrIssuer},
		{"middle missing", storeOf(t, root), show(issue(t, "c", middle, key256(t))), clientcert.ErrIssuer},
		{"root shown only", storeOf(t, root), show(issue(t, "c", other, key256(t)), other), clientcert.ErrIssuer},
		{"by one that is no authority", storeOf(t, root), show(issue(t, "c", good, key256(t)), good), clientcert.ErrIssuer},
		{"self-signed", storeOf(t, root), show(issue(t, "self", nil, key256(t))), clientcert.ErrSelf},
		{"expired", storeOf(t, root), show(issue(t, "c", root, key256(t), until(now.Add(-time.Minute)))), clientcert.ErrTime},
		{"not yet valid", storeOf(t, root), show(issue(t, "c", root, key256(t), func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) })), clientcert.ErrTime},
		{"for servers", storeOf(t, root), show(issue(t, "c", root, key256(t), use(x509.ExtKeyUsageServerAuth))), clientcert.ErrUse},
		{"RSA of 1024 bits", storeOf(t, root), show(issue(t, "c", root, weakKey)), clientcert.ErrAlgorithm},
		{"P-521", storeOf(t, root), show(issue(t, "c", root, ecKey(t, elliptic.P521()))), clientcert.ErrAlgorithm},
		{"Ed25519", storeOf(t, root), show(issue(t, "c", root, edKey)), clientcert.ErrAlgorithm},
		{"five in the chain", storeOf(t, root, middle, lower, lowest), show(issue(t, "c", lowest, key256(t))), clientcert.ErrLong},
		{"five shown", storeOf(t, root), show(good, good, good, good, good), clientcert.ErrLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time it is remembered
				if got := tt.shown.Check(tt.store, now); !errors.Is(got, tt.want) {
					t.Errorf("Check = %v, want %v", got, tt.want)
				}
			}
		})
	}
}

// TestVerdictLapses: what was good is looked at again once its time is over, and
// every store for itself.
func TestVerdictLapses(t *testing.T) {
	root, other := issue(t, "root", nil, key256(t), authority), issue(t, "other", nil, key256(t), authority)
	shown := show(issue(t, "c", root, key256(t), until(now.Add(time.Minute))))
	trusting, not := storeOf(t, root), storeOf(t, other)
	for _, tt := range []struct {
		store *clientcert.Store
		after time.Duration
		want  error
	}{{trusting, 0, nil}, {not, 0, clientcert.ErrIssuer}, {trusting, 59 * time.Second, nil}, {trusting, 61 * time.Second, clientcert.ErrTime}, {not, 61 * time.Second, clientcert.ErrTime}} {
		if err := shown.Check(tt.store, now.Add(tt.after)); !errors.Is(err, tt.want) && (tt.want != nil || err != nil) {
			t.Errorf("after %v = %v, want %v", tt.after, err, tt.want)
		}
	}
	for range 100 { // what is remembered is bounded, and never wrong
		if err := shown.Check(storeOf(t, other), now); !errors.Is(err, clientcert.ErrIssuer) {
			t.Fatal(err)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = shown.Check(trusting, now) }); n != 0 {
		t.Errorf("a remembered verdict allocates %v times, budget 0", n)
	}
}

// TestStoreRefused has what is no trust store, and what is one with a flaw.
func TestStoreRefused(t *testing.T) {
	root := issue(t, "root", nil, key256(t), authority)
	leaf := issue(t, "leaf", root, key256(t))
	keyPEM := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("secret")})
	tests := []struct {
		name string
		text []byte
		want string
	}{
		{"nothing", nil, "no certificates"},
		{"garbage", []byte("hello"), "no certificates"},
		{"a key", append(pemOf(root), keyPEM...), "a PRIVATE KEY among the certificates"},
		{"broken", []byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "certificate 1: "},
		{"cut off", append(pemOf(root), pemOf(root)[:100]...), "not understood"},
		{"too large", bytes.Repeat([]byte("\n"), clientcert.MaxStore+1), "larger than"},
		{"too many", bytes.Repeat(pemOf(root), 1001), "more than 1000 certificates"},
		{"no authority", pemOf(leaf), "is not that of an authority"},
		{"expired", pemOf(issue(t, "old", nil, key256(t), authority, until(now.Add(-time.Minute)))), "has expired"},
		{"weak", pemOf(issue(t, "weak", nil, ecKey(t, elliptic.P224()), authority)), "has a key that is not allowed"},
		{"without its root", pemOf(issue(t, "middle", root, key256(t), authority)), "has an issuer that is not in the store"},
	}
	for _, tt := range tests {
		if _, _, err := clientcert.ParseStore(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
	_, warnings, err := clientcert.ParseStore(pemOf(root, leaf))
	if err != nil || len(warnings) != 1 || warnings[0] != `Certificate 2 (C=DE,O=Shop\, Ltd,CN=leaf) is not that of an authority` {
		t.Errorf("a flaw gives %q, %v", warnings, err)
	}
}

// TestText: what variables and events have of a certificate.
func TestText(t *testing.T) {
	at := time.Date(2030, 8, 5, 9, 36, 4, 0, time.UTC)
	root := issue(t, "root", nil, key256(t), authority)
	for _, tt := range []struct {
		serial int64
		want   string
	}{{1, "1"}, {10, "a"}, {16, "10"}, {0xa1b2c3, "a1:b2:c3"}, {0x100, "01:00"}} {
		c := issue(t, `a+b"c`, root, key256(t), until(at), func(c *x509.Certificate) { c.SerialNumber = big.NewInt(tt.serial) })
		got := show(c).Text()
		if got.Serial != tt.want || got.Subject != `C=DE,O=Shop\, Ltd,CN=a\+b\"c` || got.Issuer != `C=DE,O=Shop\, Ltd,CN=root` || got.NotAfter != "Aug  5 09:36:04 2030 GMT" {
			t.Errorf("serial %#x: %+v", tt.serial, got)
		}
		if block, _ := pem.Decode([]byte(got.PEM)); block == nil || !bytes.Equal(block.Bytes, c.cert.Raw) {
			t.Error("PEM is not the certificate")
		}
	}
}
