package s3

import (
	"context"
	"crypto/md5" //nolint:gosec // AWS: the ETag of an object
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/store"
)

// maxUploads bounds the uploads of a bucket that are under way.
const maxUploads = 1000

// CreateMultipartUpload begins an upload in parts.
func (s *Service) CreateMultipartUpload(ctx context.Context, in *objectInput) (*documentOutput, error) {
	if err := refuseGrants(in); err != nil {
		return nil, err
	}
	if err := checkKey(in.Key); err != nil {
		return nil, err
	}
	u := upload{Bucket: in.Bucket, Key: in.Key, ID: newVersion(), Began: time.Now().UTC(), Header: in.kept(), Meta: in.Meta}
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := s.bucket(ctx, in.Bucket)
		if err != nil {
			return err
		}
		rows, err := s.uploads.All(ctx, in.Bucket)
		if err != nil {
			return err
		}
		if len(rows) >= maxUploads {
			return fault(503, "SlowDown", "The bucket has too many uploads under way: end some")
		}
		c.Require(s.buckets.Is(store.ID(in.Bucket), rev))
		store.Add(c, s.uploads, store.ID(in.Bucket, u.ID), u)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var doc struct {
		XMLName     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
		Bucket, Key string
		UploadID    string `xml:"UploadId"`
	}
	doc.Bucket, doc.Key, doc.UploadID = u.Bucket, u.Key, u.ID
	return answer(doc)
}

// upload returns the upload that a request is about.
func (s *Service) upload(ctx context.Context, in *objectInput) (upload, store.Rev, error) {
	missing := fault(404, "NoSuchUpload", "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", "UploadId", str(in.UploadID))
	if _, _, err := s.bucket(ctx, in.Bucket); err != nil {
		return upload{}, 0, err
	}
	u, rev, err := s.uploads.Find(ctx, missing, in.Bucket, str(in.UploadID))
	if err == nil && u.Key != in.Key {
		err = missing
	}
	return u, rev, err
}

// UploadPart uploads a part.
func (s *Service) UploadPart(ctx context.Context, in *objectInput) (*objectOutput, error) {
	n, err := strconv.Atoi(str(in.PartNumber))
	if err != nil || n < 1 || n > maxParts {
		return nil, badArgument("Part number must be an integer between 1 and 10000, inclusive")
	}
	if in.CopySource != nil {
		return nil, refused("UploadPartCopy")
	}
	if err := in.checkBody(); err != nil {
		return nil, err
	}
	if _, _, err := s.upload(ctx, in); err != nil {
		return nil, err
	}
	ref, ops, err := s.stage(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(in.Body) //nolint:gosec // AWS: the ETag
	p := part{Number: n, Size: int64(len(in.Body)), ETag: hex.EncodeToString(sum[:]), Modified: time.Now().UTC(), Content: ref}
	err = store.Update(ctx, s.st, func(c *store.Change) error {
		u, rev, err := s.upload(ctx, in)
		if err != nil {
			return err
		}
		have, err := s.partsOf(ctx, &u)
		if err != nil {
			return err
		}
		total := p.Size
		for _, h := range have {
			if h.Number != n {
				total += h.Size
			}
		}
		if total > MaxObject {
			return fault(400, "EntityTooLarge", fmt.Sprintf("Your proposed upload exceeds the maximum allowed size: %d bytes", MaxObject))
		}
		c.Require(s.uploads.Is(store.ID(u.Bucket, u.ID), rev))
		c.Do(ops...)
		store.Add(c, s.parts, store.ID(u.Bucket, u.ID, fmt.Sprintf("%05d", n)), p)
		return nil
	})
	return &objectOutput{ETag: new(`"` + p.ETag + `"`), SSE: new("AES256")}, err
}

func (s *Service) partsOf(ctx context.Context, u *upload) ([]part, error) {
	rows, err := s.parts.All(ctx, u.Bucket, u.ID)
	list := make([]part, len(rows))
	for i, row := range rows {
		list[i] = row.Value
	}
	return list, err
}

// CompleteMultipartUpload makes an object of the parts that are listed.
func (s *Service) CompleteMultipartUpload(ctx context.Context, in *objectInput) (*objectOutput, error) {
	var asked struct {
		Part []struct {
			PartNumber int
			ETag       string
		}
	}
	if err := read(in.Body, &asked); err != nil || len(asked.Part) == 0 {
		return nil, badDocument()
	}
	u, uploadRev, err := s.upload(ctx, in)
	if err != nil {
		return nil, err
	}
	have, err := s.partsOf(ctx, &u)
	if err != nil {
		return nil, err
	}
	byNumber := map[int]part{}
	for _, p := range have {
		byNumber[p.Number] = p
	}
	var content, sums []byte
	for i, a := range asked.Part {
		p, ok := byNumber[a.PartNumber]
		switch {
		case i > 0 && a.PartNumber <= asked.Part[i-1].PartNumber:
			return nil, fault(400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
		case !ok || strings.Trim(a.ETag, `"`) != p.ETag:
			return nil, fault(400, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.")
		case i < len(asked.Part)-1 && p.Size < 5<<20:
			return nil, fault(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
		}
		piece, err := s.content(ctx, p.Content)
		if err != nil {
			return nil, err
		}
		content = append(content, piece...)
		sum, err := hex.DecodeString(p.ETag)
		if err != nil {
			return nil, err
		}
		sums = append(sums, sum...)
	}
	b, _, err := s.bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	ref, ops, err := s.stage(ctx, content)
	if err != nil {
		return nil, err
	}
	all := md5.Sum(sums) //nolint:gosec // AWS: the ETag
	o := &object{Bucket: u.Bucket, Key: u.Key, Size: int64(len(content)), ETag: hex.EncodeToString(all[:]) + "-" + strconv.Itoa(len(asked.Part)), Content: ref, Header: u.Header, Meta: u.Meta}
	if err := s.put(ctx, o, ops, func(c *store.Change) error {
		c.Require(s.uploads.Is(store.ID(u.Bucket, u.ID), uploadRev))
		c.Do(s.uploads.Delete(store.ID(u.Bucket, u.ID)))
		return nil
	}); err != nil {
		return nil, err
	}
	if err := s.dropParts(ctx, u.Bucket, u.ID); err != nil {
		return nil, err
	}
	var doc struct {
		XMLName                     xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
		Location, Bucket, Key, ETag string
	}
	doc.Location, doc.Bucket, doc.Key, doc.ETag = "/"+u.Bucket+"/"+u.Key, u.Bucket, u.Key, `"`+o.ETag+`"`
	body, err := document(doc)
	return &objectOutput{Type: new("application/xml"), VersionID: o.shown(&b), SSE: new("AES256"), Body: body}, err
}

// dropParts deletes the parts of an upload that is over, some at a time: a
// commit has bounds. What a crash leaves a sweep takes away.
func (s *Service) dropParts(ctx context.Context, bucketName, id string) error {
	for {
		rows, err := s.parts.List(ctx, store.ID(bucketName, id)+"/", "", 100)
		if err != nil || len(rows.Rows) == 0 {
			return err
		}
		ops := make([]store.Op, len(rows.Rows))
		for i, row := range rows.Rows {
			ops[i] = s.parts.Delete(row.ID)
		}
		if _, err := s.st.Commit(ctx, nil, ops); err != nil {
			return err
		}
	}
}

// AbortMultipartUpload gives an upload up.
func (s *Service) AbortMultipartUpload(ctx context.Context, in *objectInput) (*documentOutput, error) {
	err := store.Update(ctx, s.st, func(c *store.Change) error {
		u, rev, err := s.upload(ctx, in)
		if err != nil {
			return err
		}
		c.Require(s.uploads.Is(store.ID(u.Bucket, u.ID), rev))
		c.Do(s.uploads.Delete(store.ID(u.Bucket, u.ID)))
		return nil
	})
	if err == nil {
		err = s.dropParts(ctx, in.Bucket, str(in.UploadID))
	}
	return &documentOutput{}, err
}

// ListParts lists the parts of an upload.
func (s *Service) ListParts(ctx context.Context, in *objectInput) (*documentOutput, error) {
	u, _, err := s.upload(ctx, in)
	if err != nil {
		return nil, err
	}
	have, err := s.partsOf(ctx, &u)
	if err != nil {
		return nil, err
	}
	type listed struct {
		PartNumber         int
		LastModified, ETag string
		Size               int64
	}
	var doc struct {
		XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
		Bucket, Key  string
		UploadID     string `xml:"UploadId"`
		StorageClass string
		MaxParts     int
		IsTruncated  bool
		Part         []listed
	}
	doc.Bucket, doc.Key, doc.UploadID, doc.StorageClass, doc.MaxParts = u.Bucket, u.Key, u.ID, "STANDARD", maxParts
	from, _ := strconv.Atoi(str(in.PartMarker)) // none: from the first
	for _, p := range have {
		if p.Number > from {
			doc.Part = append(doc.Part, listed{p.Number, timeText(p.Modified), `"` + p.ETag + `"`, p.Size})
		}
	}
	return answer(doc)
}
