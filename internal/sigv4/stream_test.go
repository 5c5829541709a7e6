package sigv4_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/sigv4"
)

// chunk frames data; extension goes behind its length.
func chunk(data, extension string) string {
	s := strconv.FormatInt(int64(len(data)), 16) + extension + "\r\n" + data
	if data != "" {
		s += "\r\n"
	}
	return s
}

// stream verifies as a server does that takes bodies in chunks.
func stream(q sigv4.Request, body, secret string, now time.Time) (string, error) {
	s, err := sigv4.ParseAny(&q)
	if err != nil {
		return "", err
	}
	payload, decoded, err := s.VerifyStream(&q, []byte(body), secret, now, new(sigv4.KeyCache))
	if err == nil && !decoded {
		return "", errors.New("it was not taken for chunks")
	}
	return string(payload), err
}

// published is the upload of 65 KiB that S3's pages sign, without and with a
// trailer.
//
// AWS: "Signature calculations for the Authorization header: transferring
// payload in multiple chunks"; the same with trailing headers.
func published(trailer bool) (sigv4.Request, string) {
	first, second := strings.Repeat("a", 64<<10), strings.Repeat("a", 1<<10)
	q := sigv4.Request{Method: "PUT", Path: "/examplebucket/chunkObject.txt", Host: "s3.amazonaws.com", Header: []sigv4.Field{
		{"content-encoding", "aws-chunked"}, {"x-amz-date", "20130524T000000Z"},
		{"x-amz-decoded-content-length", "66560"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"},
	}}
	const credential = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders="
	if !trailer {
		q.Header = append(q.Header, sigv4.Field{"content-length", "66824"}, sigv4.Field{"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"},
			sigv4.Field{"Authorization", credential + "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class," +
				"Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"})
		return q, chunk(first, ";chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648") +
			chunk(second, ";chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497") +
			chunk("", ";chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9") + "\r\n"
	}
	q.Header = append(q.Header, sigv4.Field{"x-amz-trailer", "x-amz-checksum-crc32c"}, sigv4.Field{"x-amz-content-sha256", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"},
		sigv4.Field{"Authorization", credential + "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer," +
			"Signature=106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"})
	return q, chunk(first, ";chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2") +
		chunk(second, ";chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7") +
		chunk("", ";chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992") +
		"x-amz-checksum-crc32c:sOO8/Q==\n\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
}

var publishedAt = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)

func TestPublishedStreams(t *testing.T) {
	for _, trailer := range []bool{false, true} {
		q, body := published(trailer)
		got, err := stream(q, body, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", publishedAt)
		if err != nil || got != strings.Repeat("a", 66560) {
			t.Errorf("trailer %v: %d bytes, %v", trailer, len(got), err)
		}
		if _, err := verify(q, []byte(body), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", publishedAt); err == nil {
			t.Errorf("trailer %v: Verify takes chunks, which it does not check", trailer)
		}
	}
}

// Whatever is changed of the chunks, their signatures or the trailer is refused:
// every byte of the framing, and some of the data.
func TestStreamMutations(t *testing.T) {
	tried := 0
	for _, trailer := range []bool{false, true} {
		q, body := published(trailer)
		names := strings.LastIndex(body, "chunk-signature=") + len("chunk-signature=") + 64
		for i := range len(body) {
			if body[i] == 'a' && i%997 != 0 && i > 100 && i < len(body)-600 {
				continue // among the data
			}
			for _, bit := range []byte{1, 2, 32} {
				forged := []byte(body)
				forged[i] ^= bit
				if i > names && bytes.EqualFold(forged, []byte(body)) && !strings.Contains(body[i-70:i], "signature:") {
					continue // the case of a name in the trailer
				}
				tried++
				if got, err := stream(q, string(forged), "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", publishedAt); err == nil {
					t.Errorf("trailer %v: byte %d changed by %d: %d bytes pass\n%.90q", trailer, i, bit, len(got), forged[max(0, i-40):])
				}
			}
		}
		for cut := range 200 {
			tried++
			if cut == 0 || !trailer && cut == 2 || trailer && (cut == 2 || cut == 4) { // the last line ends may be missing
				continue
			}
			if _, err := stream(q, body[:len(body)-cut], "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", publishedAt); err == nil {
				t.Errorf("trailer %v: cut by %d passes", trailer, cut)
			}
		}
	}
	if tried < 2000 {
		t.Errorf("only %d were tried", tried)
	}
	t.Logf("%d changed bodies refused", tried)
}

// asymmetricStream signs chunks by version 4A.
func asymmetricStream(t testing.TB, now time.Time, chunks []string, trailer string) (sigv4.Request, string) {
	t.Helper()
	key := sigv4.DeriveKey("AKIAEXAMPLEEXAMPLE00", exampleSecret)
	sign := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		der, err := key.Sign(rand.Reader, sum[:], nil)
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(der)
	}
	hash := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	form, named := "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-region-set"
	length := strconv.Itoa(len(strings.Join(chunks, "")))
	at, scope := now.Format("20060102T150405Z"), now.Format("20060102")+"/execute-api/aws4_request"
	q := sigv4.Request{Method: "POST", Path: "/up", Host: "api.example.com", Header: []sigv4.Field{
		{"X-Amz-Date", at}, {"X-Amz-Region-Set", "*"}, {"X-Amz-Decoded-Content-Length", length},
	}}
	lines := ""
	if trailer != "" {
		form, named = form+"-TRAILER", named+";x-amz-trailer"
		name, _, _ := strings.Cut(trailer, ":")
		q.Header = append(q.Header, sigv4.Field{"X-Amz-Trailer", name})
		lines = "x-amz-trailer:" + name + "\n"
	}
	q.Header = append(q.Header, sigv4.Field{"X-Amz-Content-Sha256", form})
	canonical := "POST\n/up\n\nhost:api.example.com\nx-amz-content-sha256:" + form + "\nx-amz-date:" + at + "\nx-amz-decoded-content-length:" + length +
		"\nx-amz-region-set:*\n" + lines + "\nhost;" + named + "\n" + form
	last := sign("AWS4-ECDSA-P256-SHA256\n" + at + "\n" + scope + "\n" + hash(canonical))
	q.Header = append(q.Header, sigv4.Field{"Authorization", "AWS4-ECDSA-P256-SHA256 Credential=AKIAEXAMPLEEXAMPLE00/" + scope + ", SignedHeaders=host;" + named + ", Signature=" + last})
	var body strings.Builder
	for _, c := range append(chunks, "") {
		last = sign("AWS4-ECDSA-P256-SHA256-PAYLOAD\n" + at + "\n" + scope + "\n" + last + "\n" + hash("") + "\n" + hash(c))
		body.WriteString(chunk(c, ";chunk-signature="+last+strings.Repeat("*", 144-len(last))))
	}
	if trailer != "" {
		last = sign("AWS4-ECDSA-P256-SHA256-TRAILER\n" + at + "\n" + scope + "\n" + last + "\n" + hash(trailer+"\n"))
		body.WriteString(trailer + "\r\nx-amz-trailer-signature:" + last + strings.Repeat("*", 144-len(last)) + "\r\n")
	}
	return q, body.String() + "\r\n"
}

func TestAsymmetricStreams(t *testing.T) {
	now := at(t, "20261005T123045Z")
	sum := sha256.Sum256([]byte("hello world"))
	for _, trailer := range []string{"", "x-amz-checksum-sha256:" + base64.StdEncoding.EncodeToString(sum[:])} {
		q, body := asymmetricStream(t, now, []string{"hello ", "world"}, trailer)
		if got, err := stream(q, body, exampleSecret, now); err != nil || got != "hello world" {
			t.Errorf("%q: %q, %v", trailer, got, err)
		}
		for _, change := range [][2]string{{"hello", "jello"}, {"crc", "CRC"}, {"\r\nx-amz-trailer-signature:30", "\r\nx-amz-trailer-signature:31"}, {";chunk-signature=30", ";chunk-signature=31"}} {
			if forged := strings.Replace(body, change[0], change[1], 1); forged != body {
				if _, err := stream(q, forged, exampleSecret, now); err == nil {
					t.Errorf("%q: passes with %q", trailer, change[1])
				}
			}
		}
	}
}

// unsignedStream is a body in chunks with a signed head only, as SDKs send to
// services over TLS.
func unsignedStream(trailer, sent string, chunks ...string) (sigv4.Request, string) {
	const form = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	length := strconv.Itoa(len(strings.Join(chunks, "")))
	at, scope := "20261005T123045Z", "20261005/eu-west-1/execute-api/aws4_request"
	named := "host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-trailer"
	canonical := "POST\n/up\n\nhost:api.example.com\nx-amz-content-sha256:" + form + "\nx-amz-date:" + at + "\nx-amz-decoded-content-length:" + length +
		"\nx-amz-trailer:" + trailer + "\n\n" + named + "\n" + form
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	sum := sha256.Sum256([]byte(canonical))
	key := mac(mac(mac(mac([]byte("AWS4"+exampleSecret), "20261005"), "eu-west-1"), "execute-api"), "aws4_request")
	signature := hex.EncodeToString(mac(key, "AWS4-HMAC-SHA256\n"+at+"\n"+scope+"\n"+hex.EncodeToString(sum[:])))
	q := sigv4.Request{Method: "POST", Path: "/up", Host: "api.example.com", Header: []sigv4.Field{
		{"X-Amz-Date", at}, {"X-Amz-Decoded-Content-Length", length}, {"X-Amz-Trailer", trailer}, {"X-Amz-Content-Sha256", form},
		{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLEEXAMPLE00/" + scope + ", SignedHeaders=" + named + ", Signature=" + signature},
	}}
	body := ""
	for _, c := range append(chunks, "") {
		body += chunk(c, "")
	}
	return q, body + sent + "\r\n"
}

// sums are the checksums of 123456789, by which CRCs are told apart.
var sums = map[string]string{
	"crc32": "y/Q5Jg==", "crc32c": "4waSgw==", "crc64nvme": "rosUhgp5mIg=", "sha1": "98O8HYCOBHMq32eZZczDTKeuNEE=",
	"sha256": "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=",
}

func TestUnsignedStreams(t *testing.T) {
	now := at(t, "20261005T123045Z")
	q, body := unsignedStream("x-amz-checksum-crc32", "x-amz-checksum-crc32:y/Q5Jg==\r\n", "12345", "6789")
	if got, err := stream(q, body, exampleSecret, now); err != nil || got != "123456789" {
		t.Errorf("%q, %v", got, err)
	}
	for _, tt := range []struct{ name, promised, sent string }{
		{"another checksum", "x-amz-checksum-crc32", "x-amz-checksum-crc32:y/Q5Jw==\r\n"},
		{"none", "x-amz-checksum-crc32", ""},
		{"one more", "x-amz-checksum-crc32", "x-amz-checksum-crc32:y/Q5Jg==\r\nx-role:admin\r\n"},
		{"twice", "x-amz-checksum-crc32", "x-amz-checksum-crc32:y/Q5Jg==\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n"},
		{"a signature", "x-amz-checksum-crc32", "x-amz-checksum-crc32:y/Q5Jg==\r\nx-amz-trailer-signature:00\r\n"},
		{"no field", "x-amz-checksum-crc32", "x-amz-checksum-crc32\r\n"},
	} {
		q, body := unsignedStream(tt.promised, tt.sent, "12345", "6789")
		if got, err := stream(q, body, exampleSecret, now); err == nil {
			t.Errorf("%s: %q passes", tt.name, got)
		}
	}
	for name, sum := range sums {
		q, body := unsignedStream("x-amz-checksum-"+name, "x-amz-checksum-"+name+":"+sum+"\r\n", "123456789")
		if _, err := stream(q, body, exampleSecret, now); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzStream feeds bodies to the reader of chunks. What it takes for signed is
// what was signed.
func FuzzStream(f *testing.F) {
	now := at(f, "20261005T123045Z")
	signed, body := asymmetricStream(f, now, []string{"hello ", "world"}, "x-note:1")
	f.Add(true, body)
	unsigned, body := unsignedStream("x-amz-checksum-crc32", "x-amz-checksum-crc32:y/Q5Jg==\r\n", "12345", "6789")
	f.Add(false, body)
	f.Fuzz(func(t *testing.T, isSigned bool, body string) {
		q, want := unsigned, "123456789"
		if isSigned {
			q, want = signed, "hello world"
		}
		got, err := stream(q, body, exampleSecret, now)
		if err == nil && isSigned && got != want || err == nil && len(got) != len(want) {
			t.Errorf("%q passes as %q", body, got)
		}
	})
}
