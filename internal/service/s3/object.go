package s3

import (
	"cmp"
	"context"
	"crypto/md5" //nolint:gosec // AWS: the ETag of an object
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/sigv4"
	"gatehouse/internal/store"
)

// nullVersion is the version of what is put where no versions are kept.
const nullVersion = "null"

func sorted(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }

// kept are the headers that stay with an object.
func (in *objectInput) kept() map[string]string {
	h := map[string]string{}
	for name, v := range map[string]*string{
		"Cache-Control": in.CacheControl, "Content-Disposition": in.ContentDisposition, "Content-Encoding": in.ContentEncoding,
		"Content-Language": in.ContentLanguage, "Content-Type": in.ContentType, "Expires": in.Expires,
	} {
		if v != nil && *v != "" {
			h[name] = *v
		}
	}
	// AWS: the encoding of the transfer is none of the object.
	if e := strings.TrimSuffix(strings.TrimPrefix(h["Content-Encoding"], "aws-chunked"), "aws-chunked"); e != h["Content-Encoding"] {
		if e = strings.Trim(e, ", "); e == "" {
			delete(h, "Content-Encoding")
		} else {
			h["Content-Encoding"] = e
		}
	}
	if h["Content-Type"] == "" {
		h["Content-Type"] = "binary/octet-stream"
	}
	return h
}

// checkBody holds a body to the checksums that came with it.
func (in *objectInput) checkBody() error {
	if in.ContentMD5 != nil {
		sum := md5.Sum(in.Body) //nolint:gosec // AWS: of the header
		if want, err := base64.StdEncoding.DecodeString(*in.ContentMD5); err != nil || len(want) != md5.Size {
			return fault(400, "InvalidDigest", "The Content-MD5 you specified was invalid.")
		} else if string(want) != string(sum[:]) {
			return fault(400, "BadDigest", "The Content-MD5 you specified did not match what we received.")
		}
	}
	for name, value := range in.Checksums {
		if sum, known := sigv4.Checksum("x-amz-checksum-"+name, in.Body); known && sum != value {
			return fault(400, "BadDigest", "The "+strings.ToUpper(name)+" you specified did not match the calculated checksum.")
		}
	}
	return nil
}

func checkKey(key string) error {
	if len(key) > maxKey {
		return fault(400, "KeyTooLongError", "Your key is too long")
	}
	return nil
}

// stage seals content and stages it.
func (s *Service) stage(ctx context.Context, content []byte) (store.Ref, []store.Op, error) {
	if len(content) > MaxObject {
		return "", nil, fault(400, "EntityTooLarge", fmt.Sprintf("Your proposed upload exceeds the maximum allowed size: %d bytes", MaxObject))
	}
	return s.blobs.Stage(ctx, s.seal.Close(content))
}

func (s *Service) content(ctx context.Context, ref store.Ref) ([]byte, error) {
	sealed, err := s.blobs.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	return s.seal.Open(sealed)
}

// versions returns all versions of a key, the latest first.
func (s *Service) versions(ctx context.Context, bucket, key string) ([]store.Row[object], error) {
	rows, err := s.objects.All(ctx, bucket, key)
	slices.SortFunc(rows, func(a, b store.Row[object]) int { return cmp.Compare(b.Value.Seq, a.Value.Seq) })
	return rows, err
}

// find returns an object, the latest version of it or a certain one.
func (s *Service) find(ctx context.Context, bucketName, key string, version *string) (*object, error) {
	if _, _, err := s.bucket(ctx, bucketName); err != nil {
		return nil, err
	}
	rows, err := s.versions(ctx, bucketName, key)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		o := &rows[i].Value
		switch {
		case version != nil && o.Version != *version:
			continue
		case o.Deleted && version != nil:
			return nil, fault(405, "MethodNotAllowed", "The specified method is not allowed against this resource.", "Method", "GET", "ResourceType", "DeleteMarker")
		case o.Deleted:
			return nil, noKey(key)
		}
		return o, nil
	}
	if version != nil {
		return nil, fault(404, "NoSuchVersion", "The specified version does not exist.", "Key", key, "VersionId", *version)
	}
	return nil, noKey(key)
}

// put makes o the latest version of its key.
func (s *Service) put(ctx context.Context, o *object, ops []store.Op, more ...func(c *store.Change) error) error {
	return store.Update(ctx, s.st, func(c *store.Change) error {
		b, rev, err := s.bucket(ctx, o.Bucket)
		if err != nil {
			return err
		}
		rows, err := s.versions(ctx, o.Bucket, o.Key)
		if err != nil {
			return err
		}
		o.Modified = time.Now().UTC().Truncate(time.Second)
		o.Seq = time.Now().UnixNano()
		if len(rows) > 0 { // the clock may have gone back
			o.Seq = max(o.Seq, rows[0].Value.Seq+1)
		}
		o.Version = nullVersion
		if b.Versioning == "Enabled" {
			o.Version = newVersion()
		}
		c.Require(s.buckets.Is(store.ID(b.Name), rev))
		c.Do(ops...)
		store.Add(c, s.objects, store.ID(o.Bucket, o.Key, o.Version), *o)
		for _, f := range more {
			if err := f(c); err != nil {
				return err
			}
		}
		return nil
	})
}

func newVersion() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// shown is the version as answers name it: not where none are kept.
func (o *object) shown(b *bucket) *string {
	if b.Versioning == "" && o.Version == nullVersion {
		return nil
	}
	return new(o.Version)
}

// PutObject puts an object, from a body or, by a header, from another object.
func (s *Service) PutObject(ctx context.Context, in *objectInput) (*objectOutput, error) {
	if err := refuseGrants(in); err != nil {
		return nil, err
	}
	if err := checkKey(in.Key); err != nil {
		return nil, err
	}
	if in.CopySource != nil {
		return s.copyObject(ctx, in)
	}
	if err := in.checkBody(); err != nil {
		return nil, err
	}
	b, _, err := s.bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if err := s.conditions(ctx, in); err != nil {
		return nil, err
	}
	tags, err := headerTags(in.Tagging)
	if err != nil {
		return nil, err
	}
	ref, ops, err := s.stage(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(in.Body) //nolint:gosec // AWS: the ETag
	o := &object{Bucket: in.Bucket, Key: in.Key, Size: int64(len(in.Body)), ETag: hex.EncodeToString(sum[:]), Content: ref, Header: in.kept(), Meta: in.Meta, Tags: tags}
	if err := s.put(ctx, o, ops); err != nil {
		return nil, err
	}
	return &objectOutput{ETag: new(`"` + o.ETag + `"`), VersionID: o.shown(&b), SSE: new("AES256")}, nil
}

// conditions holds a PutObject to If-Match and If-None-Match.
//
// AWS: "Prevent object overwrites with conditional writes".
func (s *Service) conditions(ctx context.Context, in *objectInput) error {
	if in.IfMatch == nil && in.IfNoneMatch == nil {
		return nil
	}
	if in.IfNoneMatch != nil && *in.IfNoneMatch != "*" {
		return refused("If-None-Match of anything but *")
	}
	o, err := s.find(ctx, in.Bucket, in.Key, nil)
	var e *awsrpc.Error
	absent := asFault(err, &e) && e.Code == "NoSuchKey"
	switch {
	case err != nil && !absent:
		return err
	case in.IfNoneMatch != nil && !absent, in.IfMatch != nil && !absent && strings.Trim(*in.IfMatch, `"`) != o.ETag:
		return fault(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	case in.IfMatch != nil && absent:
		return noKey(in.Key)
	}
	return nil
}

func headerTags(text *string) (map[string]string, error) {
	if text == nil {
		return nil, nil
	}
	values, err := url.ParseQuery(*text)
	if err != nil || len(values) > 10 {
		return nil, badArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.")
	}
	m := map[string]string{}
	for k, v := range values {
		m[k] = v[0]
	}
	return m, nil
}

// copyObject makes an object of another.
func (s *Service) copyObject(ctx context.Context, in *objectInput) (*objectOutput, error) {
	path, query, _ := strings.Cut(*in.CopySource, "?")
	path, err := url.PathUnescape(strings.TrimPrefix(path, "/"))
	from, key, ok := strings.Cut(path, "/")
	if err != nil || !ok || key == "" {
		return nil, badArgument("Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	var version *string
	if v, ok := strings.CutPrefix(query, "versionId="); ok {
		version = &v
	}
	if err := s.may(ctx, s.Authorizer, "GetObject", from, key, version); err != nil {
		return nil, err
	}
	src, err := s.find(ctx, from, key, version)
	if err != nil {
		return nil, err
	}
	o := &object{Bucket: in.Bucket, Key: in.Key, Size: src.Size, ETag: src.ETag, Content: src.Content, Header: src.Header, Meta: src.Meta, Tags: src.Tags}
	if str(in.MetadataDirective) == "REPLACE" {
		o.Header, o.Meta = in.kept(), in.Meta
	} else if in.Bucket == from && in.Key == key && version == nil {
		return nil, fault(400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.")
	}
	b, _, err := s.bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	// The content is staged anew: the source may go while this is done.
	content, err := s.content(ctx, src.Content)
	if err != nil {
		return nil, err
	}
	var ops []store.Op
	if o.Content, ops, err = s.stage(ctx, content); err != nil {
		return nil, err
	}
	if err := s.put(ctx, o, ops); err != nil {
		return nil, err
	}
	var doc struct {
		XMLName      struct{} `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyObjectResult"`
		LastModified string
		ETag         string
	}
	doc.LastModified, doc.ETag = timeText(o.Modified), `"`+o.ETag+`"`
	body, err := document(doc)
	return &objectOutput{Type: new("application/xml"), VersionID: o.shown(&b), SSE: new("AES256"), Body: body}, err
}

// may asks rules whether the caller may do something with an object that the front
// door was not asked about.
func (s *Service) may(ctx context.Context, rules awsrpc.Authorizer, operation, bucket, key string, version *string) error {
	if rules == nil {
		return nil
	}
	c := awsrpc.CallerFrom(ctx)
	asked := &awsrpc.Call{Caller: c, Service: "s3", API: "s3", Operation: operation, URI: onObject, Labels: map[string]string{"Bucket": bucket, "Key": key},
		Query: url.Values{}, Form: url.Values{}, RemoteAddr: cmp.Or(c.RemoteAddr, "127.0.0.1:0"), TLS: c.TLS}
	if version != nil {
		asked.Query.Set("versionId", *version)
	}
	return rules.Authorize(ctx, asked)
}

// DeleteObject deletes an object: for good, or by a marker where versions are
// kept. Of one that is not there it says nothing.
func (s *Service) DeleteObject(ctx context.Context, in *objectInput) (*objectOutput, error) {
	done, err := s.deleteOne(ctx, in.Bucket, in.Key, in.VersionID)
	return done, err
}

func (s *Service) deleteOne(ctx context.Context, bucketName, key string, version *string) (*objectOutput, error) {
	out := &objectOutput{}
	if version == nil {
		b, _, err := s.bucket(ctx, bucketName)
		if err != nil {
			return nil, err
		}
		if b.Versioning != "" {
			o := &object{Bucket: bucketName, Key: key, Deleted: true}
			err := s.put(ctx, o, nil)
			out.VersionID, out.DeleteMarker = new(o.Version), new("true")
			return out, err
		}
		version = new(nullVersion)
	} else {
		out.VersionID = version
	}
	id := store.ID(bucketName, key, *version)
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		if _, _, err := s.bucket(ctx, bucketName); err != nil {
			return err
		}
		o, rev, err := s.objects.Get(ctx, id)
		if isNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		if o.Deleted {
			out.DeleteMarker = new("true")
		}
		c.Require(s.objects.Is(id, rev))
		c.Do(s.objects.Delete(id))
		return nil
	})
	return out, err
}
