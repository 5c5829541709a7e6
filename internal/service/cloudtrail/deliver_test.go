package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	api "gatehouse/internal/awsapi/cloudtrail"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/store/memstore"
)

// A shelf is a bucket in memory.
type shelf struct {
	content map[string][]byte
	meta    map[string]map[string]string
	broken  bool
}

func (s *shelf) CheckBucket(context.Context, string, string) error { return nil }

func (s *shelf) PutFile(_ context.Context, _, _, key string, content []byte, meta map[string]string) error {
	if s.broken {
		return errors.New("the disk of the bucket is gone")
	}
	s.content[key], s.meta[key] = content, meta
	return nil
}

func unzip(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func call(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Digests are verified as AWS's page "Custom implementations of CloudTrail log
// file integrity validation" says, from the newest to the first.
func TestDigests(t *testing.T) {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { st.Close() })
	bucket := &shelf{content: map[string][]byte{}, meta: map[string]map[string]string{}}
	s, err := New(st, Options{Dir: t.TempDir(), Buckets: bucket})
	call(t, err)
	ctx := awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "000000000000", Region: "us-east-1", Root: true})
	_, err = s.CreateTrail(ctx, &api.CreateTrailInput{Name: new("audit"), S3BucketName: new("b"), EnableLogFileValidation: new(true)})
	call(t, err)
	call(t, s.StartLogging(ctx, &api.StartLoggingInput{Name: new("audit")}))

	now := time.Now().UTC()
	for hour := range 3 {
		e := someEvent("call " + string(rune('a'+hour)))
		e.Management = true
		call(t, s.keep.log.Write([]journal.Entry{e.entry()}))
		now = now.Add(time.Hour + time.Minute)
		if hour == 1 { // a delivery that fails is made up for
			bucket.broken = true
			s.Deliver(ctx, now)
			bucket.broken = false
			status, err := s.GetTrailStatus(ctx, &api.GetTrailStatusInput{Name: new("audit")})
			call(t, err)
			if status.LatestDeliveryError == nil {
				t.Error("a failed delivery is not told")
			}
		}
		s.Deliver(ctx, now)
	}

	keys, err := s.ListPublicKeys(ctx, nil)
	call(t, err)
	public, err := x509.ParsePKCS1PublicKey(keys.PublicKeyList[0].Value)
	call(t, err)
	newest, logs := "", 0
	for key := range bucket.content {
		if strings.Contains(key, "/CloudTrail-Digest/") && key > newest {
			newest = key
		}
	}
	for n := 3; newest != ""; n-- {
		text := unzip(t, bucket.content[newest])
		var d digestFile
		call(t, json.Unmarshal(text, &d))
		previous := "null"
		if d.PreviousSignature != nil {
			previous = *d.PreviousSignature
		}
		sum := sha256.Sum256(text)
		signed := sha256.Sum256([]byte(d.End + "\n" + d.Bucket + "/" + d.Object + "\n" + hex.EncodeToString(sum[:]) + "\n" + previous))
		signature, err := hex.DecodeString(bucket.meta[newest]["signature"])
		call(t, err)
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, signed[:], signature); err != nil {
			t.Errorf("digest %d: %v", n, err)
		}
		for _, f := range d.Files {
			sum := sha256.Sum256(unzip(t, bucket.content[f.Object]))
			if hex.EncodeToString(sum[:]) != f.Hash {
				t.Errorf("digest %d has another hash than %s", n, f.Object)
			}
			logs++
		}
		if newest = ""; d.PreviousObject != nil {
			newest = *d.PreviousObject
			sum := sha256.Sum256(unzip(t, bucket.content[newest]))
			if hex.EncodeToString(sum[:]) != *d.PreviousHash {
				t.Errorf("digest %d has another hash than the one before it", n)
			}
		} else if n != 1 {
			t.Errorf("the chain ends at digest %d, want 1", n)
		}
	}
	if logs != 3 {
		t.Errorf("the digests name %d files, want 3", logs)
	}
}

// What was removed before it could be delivered does not hold up the rest.
func TestDeliverAfterRemoval(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New(memstore.Options{})
		defer st.Close()
		bucket := &shelf{content: map[string][]byte{}, meta: map[string]map[string]string{}}
		s, err := New(st, Options{Dir: dir, Buckets: bucket})
		call(t, err)
		writing, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.keep.run(writing) }()
		ctx := awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "000000000000", Region: "us-east-1", Root: true})
		_, err = s.CreateTrail(ctx, &api.CreateTrailInput{Name: new("audit"), S3BucketName: new("b")})
		call(t, err)
		call(t, s.StartLogging(ctx, &api.StartLoggingInput{Name: new("audit")}))
		write := func(id string) {
			e := someEvent(id)
			e.Management, e.UserAgent = true, strings.Repeat("u", 1000)
			call(t, s.keep.log.Write([]journal.Entry{e.entry()}))
		}
		for range 10 {
			write("removed")
		}
		time.Sleep(time.Minute) // all of them are put away, in a file
		s.keep.log.SetMaxAge(time.Nanosecond)
		s.keep.events.Trim(time.Now())
		s.keep.log.SetMaxAge(keepAge)
		if n := len(kept(t, s.keep)); n != 0 {
			t.Fatalf("%d events are there still", n)
		}
		short, end := context.WithTimeout(ctx, time.Hour)
		defer end()
		s.Deliver(short, time.Now())
		if short.Err() != nil {
			t.Error("the delivery waits for events that are gone")
		}
		write("then")
		s.Deliver(ctx, time.Now())
		for name, content := range bucket.content {
			if text := string(unzip(t, content)); !strings.Contains(text, `"then"`) || strings.Contains(text, `"removed"`) {
				t.Errorf("%s holds %s", name, text)
			}
		}
		if len(bucket.content) != 1 {
			t.Errorf("%d files, want 1", len(bucket.content))
		}
		stop()
		call(t, <-done)
	})
}

// brokenGroups are log groups that take nothing.
type brokenGroups struct{}

func (brokenGroups) CheckGroup(context.Context, record.Scope, string) error { return nil }

func (brokenGroups) WriteEvents(context.Context, record.Scope, string, string, []journal.Entry) error {
	return errors.New("the group is gone")
}

// A trail that was stopped delivers its last digest once, whatever becomes of its
// log group.
func TestLastDigest(t *testing.T) {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { st.Close() })
	bucket := &shelf{content: map[string][]byte{}, meta: map[string]map[string]string{}}
	s, err := New(st, Options{Dir: t.TempDir(), Buckets: bucket, Groups: brokenGroups{}})
	call(t, err)
	ctx := awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "000000000000", Region: "us-east-1", Root: true})
	_, err = s.CreateTrail(ctx, &api.CreateTrailInput{Name: new("audit"), S3BucketName: new("b"), EnableLogFileValidation: new(true),
		CloudWatchLogsLogGroupArn: new("arn:aws:logs:us-east-1:000000000000:log-group:g:*"), CloudWatchLogsRoleArn: new("arn:aws:iam::000000000000:role/r")})
	call(t, err)
	call(t, s.StartLogging(ctx, &api.StartLoggingInput{Name: new("audit")}))
	e := someEvent("one")
	e.Management = true
	call(t, s.keep.log.Write([]journal.Entry{e.entry()}))
	call(t, s.StopLogging(ctx, &api.StopLoggingInput{Name: new("audit")}))
	for hour := range 3 {
		s.Deliver(ctx, time.Now().Add(time.Duration(hour)*time.Hour))
	}
	digests := 0
	for key := range bucket.content {
		if strings.Contains(key, "/CloudTrail-Digest/") {
			digests++
		}
	}
	if digests != 1 || len(bucket.content) != 2 {
		t.Errorf("%d digests among %d files, want 1 of 2", digests, len(bucket.content))
	}
}

// A digest that names the one before it without its hash is a fault like another.
func TestVerifyWithoutHash(t *testing.T) {
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	call(t, err)
	const folder = "AWSLogs/1/CloudTrail-Digest/r/2026/01/01"
	call(t, os.MkdirAll(filepath.Join(dir, folder), 0o700))
	first, second := folder+"/1_CloudTrail-Digest_r_t_r_1.json.gz", folder+"/1_CloudTrail-Digest_r_t_r_2.json.gz"
	for _, d := range []digestFile{{End: "1", Object: first}, {End: "2", Object: second, PreviousObject: new(first)}} {
		text, err := json.Marshal(d)
		call(t, err)
		call(t, os.WriteFile(filepath.Join(dir, d.Object), zipped(text), 0o600))
	}
	r, err := VerifyDelivered(dir, &key.PublicKey)
	call(t, err)
	if !strings.Contains(strings.Join(r.Faults, "\n"), first+" was changed") {
		t.Errorf("faults are %q", r.Faults)
	}
}
