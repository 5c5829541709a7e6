package s3

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/xml"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/store"
)

// An entry of a listing, or what several are rolled into.
type entry struct {
	object *object
	latest bool
	prefix string // of several; empty: object
}

func (e *entry) name() string {
	if e.prefix != "" {
		return e.prefix
	}
	return e.object.Key
}

// all are the objects of a bucket below a prefix in the order of their keys, and
// of one key the latest first.
func (s *Service) all(ctx context.Context, name, prefix string) ([]object, error) {
	if _, _, err := s.bucket(ctx, name); err != nil {
		return nil, err
	}
	rows, err := s.objects.All(ctx, name)
	var list []object
	for _, row := range rows {
		if strings.HasPrefix(row.Value.Key, prefix) {
			list = append(list, row.Value)
		}
	}
	slices.SortFunc(list, func(a, b object) int {
		return cmp.Or(strings.Compare(a.Key, b.Key), cmp.Compare(b.Seq, a.Seq))
	})
	return list, err
}

// A listing is what one answer shows.
type listing struct {
	entries   []entry
	truncated bool
	most      int
}

// list rolls up and cuts a listing. after tells of an entry whether it comes
// behind what was shown before.
func (in *listInput) list(objects []object, versions bool, after func(*entry) bool) (*listing, error) {
	l := &listing{most: 1000}
	if in.MaxKeys != nil {
		n, err := strconv.Atoi(*in.MaxKeys)
		if err != nil || n < 0 {
			return nil, badArgument("Argument maxKeys must be an integer between 0 and 2147483647")
		}
		l.most = min(n, 1000)
	}
	if e := str(in.EncodingType); e != "" && e != "url" {
		return nil, badArgument("Invalid Encoding Method specified in Request")
	}
	last := ""
	for i := range objects {
		o := &objects[i]
		e := entry{object: o, latest: i == 0 || objects[i-1].Key != o.Key}
		if !versions && (!e.latest || o.Deleted) {
			continue
		}
		if d := str(in.Delimiter); d != "" {
			if rest, _, found := strings.Cut(o.Key[len(str(in.Prefix)):], d); found {
				e.prefix = str(in.Prefix) + rest + d
				if e.prefix == last {
					continue
				}
				last = e.prefix
			}
		}
		if !after(&e) {
			continue
		}
		if len(l.entries) == l.most {
			l.truncated = l.most > 0
			return l, nil
		}
		l.entries = append(l.entries, e)
	}
	return l, nil
}

// code escapes a key as it was asked for.
func (in *listInput) code(s string) string {
	if str(in.EncodingType) != "url" {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(url.QueryEscape(s), "%2F", "/"), "%2A", "*")
}

type listedObject struct {
	Key, LastModified, ETag string
	Size                    int64
	StorageClass            string
}

type listedPrefix struct{ Prefix string }

// result is the answer to both ways to list objects.
type result struct {
	XMLName                         xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListBucketResult"`
	Name, Prefix                    string
	Delimiter                       string  `xml:",omitempty"`
	Marker                          *string `xml:",omitempty"`
	NextMarker                      string  `xml:",omitempty"`
	StartAfter                      string  `xml:",omitempty"`
	ContinuationToken, EncodingType string  `xml:",omitempty"`
	NextContinuationToken           string  `xml:",omitempty"`
	KeyCount                        *int    `xml:",omitempty"`
	MaxKeys                         int
	IsTruncated                     bool
	Contents                        []listedObject
	CommonPrefixes                  []listedPrefix
}

func (in *listInput) result(l *listing) *result {
	r := &result{Name: in.Bucket, Prefix: in.code(str(in.Prefix)), Delimiter: in.code(str(in.Delimiter)), EncodingType: str(in.EncodingType), MaxKeys: l.most, IsTruncated: l.truncated}
	for _, e := range l.entries {
		if e.prefix != "" {
			r.CommonPrefixes = append(r.CommonPrefixes, listedPrefix{in.code(e.prefix)})
			continue
		}
		o := e.object
		r.Contents = append(r.Contents, listedObject{in.code(o.Key), timeText(o.Modified), `"` + o.ETag + `"`, o.Size, "STANDARD"})
	}
	return r
}

// ListObjects lists the objects of a bucket.
func (s *Service) ListObjects(ctx context.Context, in *listInput) (*documentOutput, error) {
	objects, err := s.all(ctx, in.Bucket, str(in.Prefix))
	if err != nil {
		return nil, err
	}
	l, err := in.list(objects, false, func(e *entry) bool { return e.name() > str(in.Marker) })
	if err != nil {
		return nil, err
	}
	r := in.result(l)
	r.Marker = new(in.code(str(in.Marker)))
	if l.truncated && in.Delimiter != nil {
		r.NextMarker = in.code(l.entries[len(l.entries)-1].name())
	}
	return answer(r)
}

// ListObjectsV2 lists the objects of a bucket, page by page.
func (s *Service) ListObjectsV2(ctx context.Context, in *listInput) (*documentOutput, error) {
	from := str(in.StartAfter)
	if in.ContinuationToken != nil {
		b, err := base64.StdEncoding.DecodeString(*in.ContinuationToken)
		if err != nil || len(b) == 0 {
			return nil, badArgument("The continuation token provided is incorrect")
		}
		from = string(b)
	}
	objects, err := s.all(ctx, in.Bucket, str(in.Prefix))
	if err != nil {
		return nil, err
	}
	l, err := in.list(objects, false, func(e *entry) bool { return e.name() > from })
	if err != nil {
		return nil, err
	}
	r := in.result(l)
	r.KeyCount, r.ContinuationToken, r.StartAfter = new(len(l.entries)), str(in.ContinuationToken), in.code(str(in.StartAfter))
	if l.truncated {
		r.NextContinuationToken = base64.StdEncoding.EncodeToString([]byte(l.entries[len(l.entries)-1].name()))
	}
	return answer(r)
}

type listedVersion struct {
	XMLName      xml.Name
	Key          string
	VersionID    string `xml:"VersionId"`
	IsLatest     bool
	LastModified string
	ETag         string `xml:",omitempty"`
	Size         *int64 `xml:",omitempty"`
	StorageClass string `xml:",omitempty"`
}

// ListObjectVersions lists all versions of the objects of a bucket.
func (s *Service) ListObjectVersions(ctx context.Context, in *listInput) (*documentOutput, error) {
	objects, err := s.all(ctx, in.Bucket, str(in.Prefix))
	if err != nil {
		return nil, err
	}
	// A version is found again by its place: its key, and behind a version.
	passed := in.VersionIDMarker == nil
	l, err := in.list(objects, true, func(e *entry) bool {
		switch at := str(in.KeyMarker); {
		case e.prefix != "" || e.object.Key != at:
			return e.name() > at
		case passed:
			return in.VersionIDMarker != nil
		}
		passed = e.object.Version == *in.VersionIDMarker
		return false
	})
	if err != nil {
		return nil, err
	}
	var doc struct {
		XMLName                 xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListVersionsResult"`
		Name, Prefix, KeyMarker string
		VersionIDMarker         string `xml:"VersionIdMarker"`
		Delimiter, EncodingType string `xml:",omitempty"`
		NextKeyMarker           string `xml:",omitempty"`
		NextVersionIDMarker     string `xml:"NextVersionIdMarker,omitempty"`
		MaxKeys                 int
		IsTruncated             bool
		Versions                []listedVersion
		CommonPrefixes          []listedPrefix
	}
	doc.Name, doc.Prefix, doc.KeyMarker, doc.VersionIDMarker = in.Bucket, in.code(str(in.Prefix)), in.code(str(in.KeyMarker)), str(in.VersionIDMarker)
	doc.Delimiter, doc.EncodingType, doc.MaxKeys, doc.IsTruncated = in.code(str(in.Delimiter)), str(in.EncodingType), l.most, l.truncated
	for _, e := range l.entries {
		if e.prefix != "" {
			doc.CommonPrefixes = append(doc.CommonPrefixes, listedPrefix{in.code(e.prefix)})
			continue
		}
		o := e.object
		v := listedVersion{XMLName: xml.Name{Local: "Version"}, Key: in.code(o.Key), VersionID: o.Version, IsLatest: e.latest, LastModified: timeText(o.Modified)}
		if o.Deleted {
			v.XMLName.Local = "DeleteMarker"
		} else {
			v.ETag, v.Size, v.StorageClass = `"`+o.ETag+`"`, &o.Size, "STANDARD"
		}
		doc.Versions = append(doc.Versions, v)
	}
	if n := len(l.entries); l.truncated {
		doc.NextKeyMarker = in.code(l.entries[n-1].name())
		if l.entries[n-1].prefix == "" {
			doc.NextVersionIDMarker = l.entries[n-1].object.Version
		}
	}
	return answer(doc)
}

// DeleteObjects deletes as many as a thousand objects.
func (s *Service) DeleteObjects(ctx context.Context, in *listInput) (*documentOutput, error) {
	var asked struct {
		Quiet  bool
		Object []struct {
			Key       string
			VersionID *string `xml:"VersionId"`
		}
	}
	if err := read(in.Body, &asked); err != nil {
		return nil, err
	}
	if n := len(asked.Object); n == 0 || n > 1000 {
		return nil, badDocument()
	}
	if _, _, err := s.bucket(ctx, in.Bucket); err != nil {
		return nil, err
	}
	type deleted struct {
		Key                   string
		VersionID             string `xml:"VersionId,omitempty"`
		DeleteMarker          bool   `xml:",omitempty"`
		DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
	}
	type failed struct{ Key, Code, Message string }
	var doc struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []deleted
		Error   []failed
	}
	var rules awsrpc.Authorizer
	if s.Authorizer != nil {
		rules = s.Authorizer.Within(ctx, in.Bucket)
	}
	for _, o := range asked.Object {
		var out *objectOutput
		err := s.may(ctx, rules, "DeleteObject", in.Bucket, o.Key, o.VersionID)
		var refusal *awsrpc.Error
		if err == nil {
			out, err = s.deleteOne(ctx, in.Bucket, o.Key, o.VersionID)
		}
		switch {
		case asFault(err, &refusal):
			doc.Error = append(doc.Error, failed{o.Key, refusal.Code, refusal.Message})
		case err != nil:
			return nil, err // so that it is in the log; what is deleted may be deleted again
		case !asked.Quiet:
			d := deleted{Key: o.Key, VersionID: str(o.VersionID), DeleteMarker: out.DeleteMarker != nil}
			if d.DeleteMarker {
				d.DeleteMarkerVersionID = str(out.VersionID)
			}
			doc.Deleted = append(doc.Deleted, d)
		}
	}
	return answer(doc)
}

// ListMultipartUploads lists the uploads of a bucket that are under way.
func (s *Service) ListMultipartUploads(ctx context.Context, in *listInput) (*documentOutput, error) {
	if _, _, err := s.bucket(ctx, in.Bucket); err != nil {
		return nil, err
	}
	rows, err := s.uploads.All(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	type listed struct {
		Key          string
		UploadID     string `xml:"UploadId"`
		StorageClass string
		Initiated    string
	}
	var doc struct {
		XMLName     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
		Bucket      string
		Prefix      string
		MaxUploads  int
		IsTruncated bool
		Upload      []listed
	}
	doc.Bucket, doc.Prefix, doc.MaxUploads = in.Bucket, str(in.Prefix), max(1000, len(rows))
	slices.SortFunc(rows, func(a, b store.Row[upload]) int {
		return cmp.Or(strings.Compare(a.Value.Key, b.Value.Key), a.Value.Began.Compare(b.Value.Began))
	})
	for _, row := range rows {
		if u := row.Value; strings.HasPrefix(u.Key, str(in.Prefix)) {
			doc.Upload = append(doc.Upload, listed{u.Key, u.ID, "STANDARD", timeText(u.Began)})
		}
	}
	return answer(doc)
}
