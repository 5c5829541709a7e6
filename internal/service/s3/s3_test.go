package s3

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

func newService(t *testing.T) (*Service, context.Context) {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	s := New(st, store.NewBlobs(st, "/"), sealer(t, 0))
	ctx := awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: "123456789012", Region: "eu-west-1", Root: true})
	if _, err := s.CreateBucket(ctx, &bucketInput{Bucket: "bucket"}); err != nil {
		t.Fatal(err)
	}
	return s, ctx
}

func sealer(t *testing.T, first byte) *seal.Sealer {
	key := make([]byte, seal.KeySize)
	key[0] = first
	s, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func putObject(t *testing.T, s *Service, ctx context.Context, key, content string) string {
	t.Helper()
	out, err := s.PutObject(ctx, &objectInput{Bucket: "bucket", Key: key, Body: []byte(content)})
	if err != nil {
		t.Fatal(err)
	}
	return str(out.VersionID)
}

func code(err error) string {
	var e *awsrpc.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

// TestListPages: whatever the size of the pages, all entries come once and in
// the order of bytes.
func TestListPages(t *testing.T) {
	s, ctx := newService(t)
	keys := []string{"a", "a/1", "a/2", "a b", "b//x", "b/1", "c", "ä", "z/1/2", "z/1/3"}
	for _, k := range keys {
		putObject(t, s, ctx, k, k)
	}
	slices.Sort(keys)
	for _, delimiter := range []string{"", "/"} {
		want := keys
		if delimiter != "" {
			want = []string{"a", "a b", "a/", "b/", "c", "z/", "ä"}
		}
		for size := 1; size <= len(keys)+1; size++ {
			var got []string
			in := &listInput{Bucket: "bucket", MaxKeys: new(fmt.Sprint(size))}
			if delimiter != "" {
				in.Delimiter = &delimiter
			}
			for range len(keys) + 1 {
				out, err := s.ListObjectsV2(ctx, in)
				if err != nil {
					t.Fatal(err)
				}
				var r result
				if err := read(out.Body, &r); err != nil {
					t.Fatal(err)
				}
				for _, o := range r.Contents {
					got = append(got, o.Key)
				}
				for _, p := range r.CommonPrefixes {
					got = append(got, p.Prefix)
				}
				if *r.KeyCount > size {
					t.Fatalf("page of %d has %d", size, *r.KeyCount)
				}
				if !r.IsTruncated {
					break
				}
				in.ContinuationToken = new(r.NextContinuationToken)
			}
			slices.Sort(got)
			if sorted := slices.Sorted(slices.Values(want)); !slices.Equal(got, sorted) {
				t.Errorf("pages of %d, delimiter %q: %q, want %q", size, delimiter, got, sorted)
			}
		}
	}
}

// TestVersions walks through all versions of a key in pages of one.
func TestVersions(t *testing.T) {
	s, ctx := newService(t)
	putObject(t, s, ctx, "k", "null")
	if _, err := s.PutBucketVersioning(ctx, &bucketInput{Bucket: "bucket", Body: []byte("<V><Status>Enabled</Status></V>")}); err != nil {
		t.Fatal(err)
	}
	v1, v2 := putObject(t, s, ctx, "k", "1"), putObject(t, s, ctx, "k", "2")
	gone, err := s.DeleteObject(ctx, &objectInput{Bucket: "bucket", Key: "k"})
	if err != nil {
		t.Fatal(err)
	}
	putObject(t, s, ctx, "l", "other")
	want := []string{"k " + *gone.VersionID, "k " + v2, "k " + v1, "k null", "l"}
	var got []string
	in := &listInput{Bucket: "bucket", MaxKeys: new("1")}
	for range 10 {
		out, err := s.ListObjectVersions(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			IsTruncated         bool
			Version             []listedVersion
			DeleteMarker        []listedVersion
			NextKeyMarker       string
			NextVersionIdMarker string
		}
		if err := read(out.Body, &r); err != nil {
			t.Fatal(err)
		}
		for _, v := range append(r.Version, r.DeleteMarker...) {
			got = append(got, v.Key+" "+v.VersionID)
		}
		if !r.IsTruncated {
			break
		}
		in.KeyMarker, in.VersionIDMarker = &r.NextKeyMarker, &r.NextVersionIdMarker
	}
	if len(got) != 5 || !slices.Equal(got[:4], want[:4]) || !strings.HasPrefix(got[4], "l ") {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := s.GetObject(ctx, &objectInput{Bucket: "bucket", Key: "k"}); code(err) != "NoSuchKey" {
		t.Errorf("deleted object: %v", err)
	}
	// Without its marker the object is back.
	if _, err := s.DeleteObject(ctx, &objectInput{Bucket: "bucket", Key: "k", VersionID: gone.VersionID}); err != nil {
		t.Fatal(err)
	}
	out, err := s.GetObject(ctx, &objectInput{Bucket: "bucket", Key: "k"})
	if err != nil || string(out.Body) != "2" {
		t.Errorf("object is %v, %v", out, err)
	}
}

// TestLifecycle: objects, versions and uploads go when their time has come, with
// their content, and nothing else does.
func TestLifecycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, ctx := newService(t)
		const rules = `<LifecycleConfiguration><Rule><ID>a</ID><Status>Enabled</Status><Filter><Prefix>tmp/</Prefix></Filter><Expiration><Days>2</Days></Expiration>
			<AbortIncompleteMultipartUpload><DaysAfterInitiation>1</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>`
		if _, err := s.PutBucketLifecycleConfiguration(ctx, &bucketInput{Bucket: "bucket", Body: []byte(rules)}); err != nil {
			t.Fatal(err)
		}
		putObject(t, s, ctx, "tmp/old", "old")
		putObject(t, s, ctx, "kept", "kept")
		if _, err := s.CreateMultipartUpload(ctx, &objectInput{Bucket: "bucket", Key: "tmp/part"}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(36 * time.Hour)
		putObject(t, s, ctx, "tmp/young", "young")
		if n, err := s.Sweep(t.Context(), time.Hour); err != nil || n != 0 {
			t.Errorf("after a day and a half %d went, %v", n, err)
		}
		if rows, err := s.uploads.All(ctx); err != nil || len(rows) != 0 {
			t.Errorf("uploads left: %v, %v", rows, err)
		}
		time.Sleep(13 * time.Hour)
		if n, err := s.Sweep(t.Context(), time.Hour); err != nil || n != 1 {
			t.Errorf("after two days %d went, %v", n, err)
		}
		for key, want := range map[string]string{"tmp/old": "NoSuchKey", "tmp/young": "<nil>", "kept": "<nil>"} {
			if _, err := s.GetObject(ctx, &objectInput{Bucket: "bucket", Key: key}); code(err) != want {
				t.Errorf("%s: %v, want %s", key, err, want)
			}
		}
		time.Sleep(2 * time.Hour) // content without an object goes after an hour
		before := contents(t, s)
		if _, err := s.Sweep(t.Context(), time.Hour); err != nil {
			t.Fatal(err)
		}
		if after := contents(t, s); before != 3 || after != 2 {
			t.Errorf("%d contents, and after a sweep %d; want 3 and 2", before, after)
		}
	})
}

// contents counts the blobs there are.
func contents(t *testing.T, s *Service) int {
	page, err := s.st.List(t.Context(), store.Prefix("-", "-", "s3", "blob")+"head/", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(page.KVs)
}

// TestSealed: what is stored does not show what it holds, and another key does
// not open it.
func TestSealed(t *testing.T) {
	s, ctx := newService(t)
	const secret = "a text that is easy to find again"
	putObject(t, s, ctx, "k", strings.Repeat(secret, 100))
	page, err := s.st.List(ctx, "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range page.KVs {
		if strings.Contains(string(kv.Value), secret) {
			t.Errorf("%s shows the content", kv.Key)
		}
	}
	other := New(s.st, store.NewBlobs(s.st, "/"), sealer(t, 1))
	if _, err := other.GetObject(ctx, &objectInput{Bucket: "bucket", Key: "k"}); err == nil || !strings.Contains(err.Error(), "objects.key") {
		t.Errorf("opened with another key: %v", err)
	}
}

func TestRange(t *testing.T) {
	for _, c := range []struct {
		text     string
		from, to int64
		part     bool
		code     string
	}{
		{"", 0, 0, false, ""}, {"bytes=0-4", 0, 4, true, ""}, {"bytes=5-", 5, 9, true, ""}, {"bytes=-3", 7, 9, true, ""}, {"bytes=-30", 0, 9, true, ""},
		{"bytes=2-99", 2, 9, true, ""}, {"bytes=10-", 0, 0, false, "InvalidRange"}, {"bytes=-0", 0, 0, false, "InvalidRange"},
		{"bytes=4-2", 0, 0, false, ""}, {"bytes=0-1,3-4", 0, 0, false, ""}, {"items=0-1", 0, 0, false, ""}, {"bytes=a-b", 0, 0, false, ""},
	} {
		from, to, part, err := rangeOf(c.text, 10)
		if c.code != "" {
			if code(err) != c.code {
				t.Errorf("%s: %v, want %s", c.text, err, c.code)
			}
			continue
		}
		if err != nil || part != c.part || part && (from != c.from || to != c.to) {
			t.Errorf("%s: %d to %d, %v, %v; want %v", c.text, from, to, part, err, c)
		}
	}
}

// A gate keeps callers from some keys.
type gate map[string]error // by key

// Authorize decides.
func (g gate) Authorize(_ context.Context, c *awsrpc.Call) error { return g[c.Labels["Key"]] }

// Within returns what decides about one bucket.
func (g gate) Within(context.Context, string) awsrpc.Authorizer { return g }

// TestDeleteObjects: what the caller may not delete is told object by object, what
// fails here is an error of the call.
func TestDeleteObjects(t *testing.T) {
	s, ctx := newService(t)
	for _, key := range []string{"a", "b", "c"} {
		putObject(t, s, ctx, key, key)
	}
	failed := errors.New("the disk burns")
	s.Authorizer = gate{"b": &awsrpc.Error{Code: "AccessDenied", Status: 403, Message: "no"}, "d": failed}
	in := func(keys ...string) *listInput {
		body := "<Delete>"
		for _, k := range keys {
			body += "<Object><Key>" + k + "</Key></Object>"
		}
		return &listInput{Bucket: "bucket", Body: []byte(body + "</Delete>")}
	}
	out, err := s.DeleteObjects(ctx, in("a", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(out.Body); !strings.Contains(text, "<Deleted><Key>a</Key></Deleted>") || !strings.Contains(text, "<Error><Key>b</Key><Code>AccessDenied</Code><Message>no</Message></Error>") {
		t.Errorf("answered %s", text)
	}
	if _, err := s.DeleteObjects(ctx, in("c", "d")); !errors.Is(err, failed) {
		t.Errorf("a failure is told as %v", err)
	}
	for key, want := range map[string]string{"a": "NoSuchKey", "b": "<nil>", "c": "NoSuchKey"} {
		if _, err := s.find(ctx, "bucket", key, nil); code(err) != want {
			t.Errorf("%s: %s, want %s", key, code(err), want)
		}
	}
}
