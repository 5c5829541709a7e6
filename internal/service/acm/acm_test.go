package acm_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	api "gatehouse/internal/awsapi/acm"
	rest "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/service/acm"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

var scope = record.Scope{Account: "111122223333", Region: "eu-west-1"}

func newService(t *testing.T) (*acm.Service, store.Store, context.Context) {
	t.Helper()
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	ctx := awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: scope.Account, Region: scope.Region})
	return acm.New(st, store.NewBlobs(st, "/"), slog.New(slog.DiscardHandler)), st, ctx
}

// A pair is a certificate and its key, in PEM.
type pair struct{ cert, key []byte }

// selfSigned makes a certificate for names.
func selfSigned(t *testing.T, until time.Time, names ...string) pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(0x1234), Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pair{pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})}
}

// show has a domain name show a certificate, as the service of domain names does.
func show(t *testing.T, st store.Store, name, arn string) {
	t.Helper()
	dom := record.DomainName{Scope: scope, DomainName: rest.DomainName{DomainName: &name, RegionalCertificateArn: &arn, DomainNameArn: new("arn:aws:apigateway:eu-west-1::/domainnames/" + name)}}
	err := store.Update(t.Context(), st, func(c *store.Change) error {
		store.Add(c, record.In(st, store.NewBlobs(st, "/"), scope).DomainNames, store.ID(name), dom)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t *testing.T, what string, err error, want string) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%s: %v, want %s…", what, err, want)
	}
}

// A certificate that was asked for is one that clients who trust the authority
// take, for each of its names.
func TestRequest(t *testing.T) {
	s, st, ctx := newService(t)
	for _, algorithm := range []*string{nil, new(api.KeyAlgorithmEcPrime256v1)} {
		out, err := s.RequestCertificate(ctx, &api.RequestCertificateInput{DomainName: new("Example.com"), SubjectAlternativeNames: []string{"*.example.com", "example.com"},
			KeyAlgorithm: algorithm, ValidationMethod: new("DNS"), Tags: []api.Tag{{Key: new("a"), Value: new("b")}}})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.GetCertificate(ctx, &api.GetCertificateInput{CertificateArn: out.CertificateArn})
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(*got.CertificateChain)) {
			t.Fatal("the chain has no certificate")
		}
		block, _ := pem.Decode([]byte(*got.Certificate))
		leaf, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{"example.com", "any.example.com"} {
			if _, err := leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots}); err != nil {
				t.Errorf("%s: %v", host, err)
			}
		}
		d, err := s.DescribeCertificate(ctx, &api.DescribeCertificateInput{CertificateArn: out.CertificateArn})
		if err != nil {
			t.Fatal(err)
		}
		c := d.Certificate
		if *c.Status != "ISSUED" || *c.Type != "AMAZON_ISSUED" || *c.DomainName != "example.com" || len(c.DomainValidationOptions) != 2 || *c.Issuer != "Gatehouse" || len(c.InUseBy) != 0 {
			t.Errorf("described as %+v", c)
		}
		one, other := c.DomainValidationOptions[0].ResourceRecord, c.DomainValidationOptions[1].ResourceRecord
		if *one.Name != *other.Name || !strings.HasSuffix(*one.Name, ".example.com.") {
			t.Errorf("records %s and %s", *one.Name, *other.Name)
		}
		scope, id, _ := record.CertificateOf(*out.CertificateArn)
		rec, _, err := record.In(st, store.NewBlobs(st, "/"), scope).Certificates.Get(ctx, store.ID(id))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rec.Pair(); err != nil {
			t.Error(err)
		}
	}
	// AWS: without keyTypes only RSA_1024 and RSA_2048.
	for want, types := range map[int][]string{1: nil, 2: {api.KeyAlgorithmRsa2048, api.KeyAlgorithmEcPrime256v1}} {
		in := &api.ListCertificatesInput{}
		if types != nil {
			in.Includes = &api.Filters{KeyTypes: types}
		}
		list, err := s.ListCertificates(ctx, in)
		if err != nil || len(list.CertificateSummaryList) != want {
			t.Errorf("listed %d of %v: %v", len(list.CertificateSummaryList), types, err)
		}
	}
}

func TestRequestRefused(t *testing.T) {
	s, _, ctx := newService(t)
	many := make([]string, maxNamesOfTest)
	for i := range many {
		many[i] = string(rune('a'+i)) + ".example.com"
	}
	for name, tt := range map[string]struct {
		in   api.RequestCertificateInput
		want string
	}{
		"no domain":      {api.RequestCertificateInput{DomainName: new("localhost")}, "ValidationException: 1 validation error"},
		"a URL":          {api.RequestCertificateInput{DomainName: new("https://example.com")}, "ValidationException: 1 validation error"},
		"wildcard":       {api.RequestCertificateInput{DomainName: new("a.*.example.com")}, "ValidationException: 1 validation error"},
		"alternative":    {api.RequestCertificateInput{DomainName: new("example.com"), SubjectAlternativeNames: []string{"-"}}, "ValidationException: 1 validation error"},
		"too many":       {api.RequestCertificateInput{DomainName: new("example.com"), SubjectAlternativeNames: many}, "LimitExceededException"},
		"small key":      {api.RequestCertificateInput{DomainName: new("example.com"), KeyAlgorithm: new("RSA_1024")}, "ValidationException: Gatehouse does not support KeyAlgorithm"},
		"authority":      {api.RequestCertificateInput{DomainName: new("example.com"), CertificateAuthorityArn: new("arn:x")}, "ValidationException: Gatehouse does not support CertificateAuthorityArn"},
		"export":         {api.RequestCertificateInput{DomainName: new("example.com"), Options: &api.CertificateOptions{Export: new("ENABLED")}}, "ValidationException: Gatehouse does not support Options.Export"},
		"who proves it":  {api.RequestCertificateInput{DomainName: new("example.com"), DomainValidationOptions: []api.DomainValidationOption{{DomainName: new("example.com"), ValidationDomain: new("ample.com")}}}, "InvalidDomainValidationOptionsException"},
		"a tag of AWS's": {api.RequestCertificateInput{DomainName: new("example.com"), Tags: []api.Tag{{Key: new("aws:x")}}}, "InvalidTagException"},
	} {
		_, err := s.RequestCertificate(ctx, &tt.in)
		wantError(t, name, err, tt.want)
	}
}

const maxNamesOfTest = 10 // with the domain name one too many

// A call that is repeated with its token asks for nothing new, for an hour.
func TestRequestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _, ctx := newService(t)
		ask := func(domain string) string {
			t.Helper()
			out, err := s.RequestCertificate(ctx, &api.RequestCertificateInput{DomainName: &domain, IdempotencyToken: new("t"), KeyAlgorithm: new(api.KeyAlgorithmEcPrime256v1)})
			if err != nil {
				t.Fatal(err)
			}
			return *out.CertificateArn
		}
		first := ask("example.com")
		if again := ask("example.com"); again != first {
			t.Errorf("%s and %s", first, again)
		}
		if other := ask("example.org"); other == first {
			t.Error("another domain has the same certificate")
		}
		time.Sleep(time.Hour)
		if later := ask("example.com"); later == first {
			t.Error("the token counts after an hour")
		}
	})
}

func TestImport(t *testing.T) {
	s, st, ctx := newService(t)
	until := time.Now().Add(24 * time.Hour)
	first, second, other := selfSigned(t, until, "a.example.com"), selfSigned(t, until, "a.example.com", "b.example.com"), selfSigned(t, until, "b.example.com")
	out, err := s.ImportCertificate(ctx, &api.ImportCertificateInput{Certificate: first.cert, PrivateKey: first.key, Tags: []api.Tag{{Key: new("k"), Value: new("v")}}})
	if err != nil {
		t.Fatal(err)
	}
	arn := out.CertificateArn
	for name, tt := range map[string]struct {
		in   api.ImportCertificateInput
		want string
	}{
		"not PEM":           {api.ImportCertificateInput{Certificate: []byte("x"), PrivateKey: first.key}, "ValidationException: Could not parse certificate"},
		"two":               {api.ImportCertificateInput{Certificate: slices.Concat(first.cert, other.cert), PrivateKey: first.key}, "ValidationException: The certificate field contains more than one"},
		"no key":            {api.ImportCertificateInput{Certificate: first.cert, PrivateKey: []byte("x")}, "ValidationException: The private key"},
		"another's key":     {api.ImportCertificateInput{Certificate: first.cert, PrivateKey: other.key}, "ValidationException: The certificate and the private key"},
		"another's chain":   {api.ImportCertificateInput{Certificate: first.cert, PrivateKey: first.key, CertificateChain: other.cert}, "ValidationException: Unable to validate certificate chain"},
		"chain is no chain": {api.ImportCertificateInput{Certificate: first.cert, PrivateKey: first.key, CertificateChain: []byte("x")}, "ValidationException: Could not parse the certificate chain"},
		"tags again":        {api.ImportCertificateInput{Certificate: second.cert, PrivateKey: second.key, CertificateArn: arn, Tags: []api.Tag{{Key: new("k")}}}, "ValidationException: You cannot apply tags"},
		"unknown":           {api.ImportCertificateInput{Certificate: second.cert, PrivateKey: second.key, CertificateArn: new("arn:aws:acm:eu-west-1:111122223333:certificate/x")}, "ResourceNotFoundException"},
		"another account's": {api.ImportCertificateInput{Certificate: second.cert, PrivateKey: second.key, CertificateArn: new(strings.Replace(*arn, scope.Account, "999999999999", 1))}, "ResourceNotFoundException"},
		"another partition": {api.ImportCertificateInput{Certificate: second.cert, PrivateKey: second.key, CertificateArn: new(strings.Replace(*arn, "arn:aws:", "arn:aws-cn:", 1))}, "InvalidArnException"},
		"no ARN":            {api.ImportCertificateInput{Certificate: second.cert, PrivateKey: second.key, CertificateArn: new("x")}, "InvalidArnException"},
	} {
		_, err := s.ImportCertificate(ctx, &tt.in)
		wantError(t, name, err, tt.want)
	}
	old := selfSigned(t, time.Now().Add(-time.Minute), "a.example.com")
	_, err = s.ImportCertificate(ctx, &api.ImportCertificateInput{Certificate: old.cert, PrivateKey: old.key})
	wantError(t, "expired", err, "ValidationException: The certificate is not valid now")

	// In use it can be replaced by one for the same names, and not removed.
	show(t, st, "a.example.com", *arn)
	wantError(t, "removed in use", s.DeleteCertificate(ctx, &api.DeleteCertificateInput{CertificateArn: arn}), "ResourceInUseException: Certificate "+*arn+" in account 111122223333 is in use.")
	_, err = s.ImportCertificate(ctx, &api.ImportCertificateInput{Certificate: other.cert, PrivateKey: other.key, CertificateArn: arn})
	wantError(t, "for another name", err, "ValidationException: The certificate is in use")
	if _, err := s.ImportCertificate(ctx, &api.ImportCertificateInput{Certificate: second.cert, PrivateKey: second.key, CertificateArn: arn}); err != nil {
		t.Fatal(err)
	}
	d, err := s.DescribeCertificate(ctx, &api.DescribeCertificateInput{CertificateArn: arn})
	if err != nil {
		t.Fatal(err)
	}
	if c := d.Certificate; *c.Type != "IMPORTED" || *c.Serial != "12:34" || !slices.Equal(c.SubjectAlternativeNames, []string{"a.example.com", "b.example.com"}) || len(c.InUseBy) != 1 ||
		*c.KeyAlgorithm != "EC_prime256v1" || *c.SignatureAlgorithm != "SHA256WITHECDSA" || *c.RenewalEligibility != "INELIGIBLE" {
		t.Errorf("described as %+v", c)
	}
	tags, err := s.ListTagsForCertificate(ctx, &api.ListTagsForCertificateInput{CertificateArn: arn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "v" {
		t.Errorf("tags %v, %v", tags, err)
	}
}

// What our authority has issued is issued anew before it ends, with another key,
// if a domain name shows it.
func TestRenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, st, ctx := newService(t)
		var arns []string
		for _, domain := range []string{"used.example.com", "unused.example.com"} {
			out, err := s.RequestCertificate(ctx, &api.RequestCertificateInput{DomainName: &domain, KeyAlgorithm: new(api.KeyAlgorithmEcPrime256v1)})
			if err != nil {
				t.Fatal(err)
			}
			arns = append(arns, *out.CertificateArn)
		}
		show(t, st, "used.example.com", arns[0])
		err := store.Update(ctx, st, func(c *store.Change) error { // the first in the list, which keeps no other from it
			store.Add(c, record.In(st, store.NewBlobs(st, "/"), scope).Certificates, "-", record.Certificate{Scope: scope, ID: "-", Leaf: "none"})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		run, stop := context.WithCancel(ctx)
		ended := make(chan error)
		go func() { ended <- s.Run(run) }()
		until := func(arn string) time.Time {
			d, err := s.DescribeCertificate(ctx, &api.DescribeCertificateInput{CertificateArn: &arn})
			if err != nil {
				t.Fatal(err)
			}
			return *d.Certificate.NotAfter
		}
		begin := time.Now()
		time.Sleep(334 * 24 * time.Hour)
		synctest.Wait()
		if got := until(arns[0]).Sub(begin); got > 395*24*time.Hour {
			t.Errorf("renewed after 334 days: ends after %v", got)
		}
		time.Sleep(2 * 24 * time.Hour)
		synctest.Wait()
		if got := until(arns[0]).Sub(begin); got < 700*24*time.Hour {
			t.Errorf("not renewed after 336 days: ends after %v", got)
		}
		if got := until(arns[1]).Sub(begin); got > 395*24*time.Hour {
			t.Error("what nobody uses was renewed")
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
