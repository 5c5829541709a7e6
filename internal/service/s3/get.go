package s3

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

func asFault(err error, e **awsrpc.Error) bool { return errors.As(err, e) }

// GetObject returns an object, or a range of it.
func (s *Service) GetObject(ctx context.Context, in *objectInput) (*objectOutput, error) {
	o, out, err := s.head(ctx, in)
	if err != nil {
		return nil, err
	}
	if out.Body, err = s.content(ctx, o.Content); err != nil {
		return nil, err
	}
	from, to, part, err := rangeOf(str(in.Range), o.Size)
	if err != nil {
		return nil, err
	}
	if part {
		out.Body = out.Body[from : to+1]
		out.Status = new(int32(http.StatusPartialContent))
		out.ContentRange = new(fmt.Sprintf("bytes %d-%d/%d", from, to, o.Size))
	}
	out.Length = nil
	return out, nil
}

// HeadObject returns what there is to say of an object.
func (s *Service) HeadObject(ctx context.Context, in *objectInput) (*objectOutput, error) {
	_, out, err := s.head(ctx, in)
	return out, err
}

func (s *Service) head(ctx context.Context, in *objectInput) (*object, *objectOutput, error) {
	o, err := s.find(ctx, in.Bucket, in.Key, in.VersionID)
	if err != nil {
		return nil, nil, err
	}
	b, _, err := s.bucket(ctx, in.Bucket)
	if err != nil {
		return nil, nil, err
	}
	if err := o.wanted(in); err != nil {
		return nil, nil, err
	}
	header := maps.Clone(o.Header)
	for name, v := range map[string]*string{
		"Content-Type": in.ResponseContentType, "Content-Disposition": in.ResponseContentDisposition, "Cache-Control": in.ResponseCacheControl,
	} {
		if v != nil {
			header[name] = *v
		}
	}
	return o, &objectOutput{
		ETag: new(`"` + o.ETag + `"`), Modified: new(o.Modified.UTC().Format(http.TimeFormat)), VersionID: o.shown(&b), AcceptRanges: new("bytes"),
		Length: new(strconv.FormatInt(o.Size, 10)), SSE: new("AES256"), Header: header, Meta: o.Meta,
	}, nil
}

// wanted holds a request to its conditions.
//
// AWS: as RFC 9110, section 13.2.2.
func (o *object) wanted(in *objectInput) error {
	failed := fault(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
	unchanged := fault(304, "NotModified", "Not Modified")
	is := func(list string) bool {
		for tag := range strings.SplitSeq(list, ",") {
			if tag = strings.Trim(strings.TrimPrefix(strings.TrimSpace(tag), "W/"), `"`); tag == "*" || tag == o.ETag {
				return true
			}
		}
		return false
	}
	at := func(text *string) (time.Time, bool) {
		t, err := http.ParseTime(str(text))
		return t, err == nil
	}
	if in.IfMatch != nil {
		if !is(*in.IfMatch) {
			return failed
		}
	} else if t, ok := at(in.IfUnmodifiedSince); ok && o.Modified.After(t) {
		return failed
	}
	if in.IfNoneMatch != nil {
		if is(*in.IfNoneMatch) {
			return unchanged
		}
	} else if t, ok := at(in.IfModifiedSince); ok && !o.Modified.After(t) {
		return unchanged
	}
	return nil
}

// rangeOf reads a range of bytes. What is not one range is no range.
func rangeOf(text string, size int64) (from, to int64, part bool, err error) {
	spec, ok := strings.CutPrefix(text, "bytes=")
	first, last, dash := strings.Cut(spec, "-")
	if !ok || !dash || strings.Contains(last, ",") {
		return 0, 0, false, nil
	}
	bad := fault(416, "InvalidRange", "The requested range is not satisfiable", "ActualObjectSize", strconv.FormatInt(size, 10), "RangeRequested", text)
	if first == "" {
		n, err := strconv.ParseInt(last, 10, 64)
		if err != nil || n < 0 {
			return 0, 0, false, nil
		}
		if n == 0 || size == 0 {
			return 0, 0, false, bad
		}
		return max(0, size-n), size - 1, true, nil
	}
	from, err1 := strconv.ParseInt(first, 10, 64)
	to = size - 1
	var err2 error
	if last != "" {
		to, err2 = strconv.ParseInt(last, 10, 64)
	}
	switch {
	case err1 != nil || err2 != nil || from < 0 || last != "" && to < from:
		return 0, 0, false, nil
	case from >= size:
		return 0, 0, false, bad
	}
	return from, min(to, size-1), true, nil
}

// GetObjectTagging returns an object's tags.
func (s *Service) GetObjectTagging(ctx context.Context, in *objectInput) (*documentOutput, error) {
	o, err := s.find(ctx, in.Bucket, in.Key, in.VersionID)
	if err != nil {
		return nil, err
	}
	return tagsOf(o.Tags)
}

// PutObjectTagging replaces an object's tags.
func (s *Service) PutObjectTagging(ctx context.Context, in *objectInput) (*documentOutput, error) {
	tags, err := readTags(in.Body, 10)
	if err != nil {
		return nil, err
	}
	return &documentOutput{}, s.tag(ctx, in, tags)
}

// DeleteObjectTagging takes an object's tags away.
func (s *Service) DeleteObjectTagging(ctx context.Context, in *objectInput) (*documentOutput, error) {
	return &documentOutput{}, s.tag(ctx, in, nil)
}

func (s *Service) tag(ctx context.Context, in *objectInput, tags map[string]string) error {
	return store.Update(ctx, s.st, func(c *store.Change) error {
		found, err := s.find(ctx, in.Bucket, in.Key, in.VersionID)
		if err != nil {
			return err
		}
		id := store.ID(in.Bucket, in.Key, found.Version)
		o, rev, err := s.objects.Find(ctx, noKey(in.Key), in.Bucket, in.Key, found.Version)
		if err != nil {
			return err
		}
		o.Tags = tags
		c.Require(s.objects.Is(id, rev))
		store.Add(c, s.objects, id, o)
		return nil
	})
}
