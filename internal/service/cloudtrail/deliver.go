package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"time"

	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A delivery is what a trail has delivered so far. An object is put before the
// record says so: after a kill between the two its events are delivered twice.
type delivery struct {
	Started      time.Time // of the trail, so that a start anew is known
	After        uint64    // number of the last event that was delivered
	AfterData    uint64    // and of the last data event
	Latest       time.Time
	LatestDigest time.Time
	Error        string // of the last attempt
	Group        groupDelivery
	DigestFrom   time.Time
	Files        []logFile         // since the last digest
	Chains       map[string]digest // the last digest, by Region
}

// A logFile is a delivered file as digests name it.
type logFile struct {
	Bucket string    `json:"s3Bucket"`
	Object string    `json:"s3Object"`
	Hash   string    `json:"hashValue"`
	Method string    `json:"hashAlgorithm"`
	Newest time.Time `json:"newestEventTime"`
	Oldest time.Time `json:"oldestEventTime"`
	In     string    `json:"region,omitempty"` // in the store only
}

const (
	// mostRecords and mostBytes bound what is held of one delivery.
	mostRecords = 20_000
	mostBytes   = 16 << 20
	// mostFiles is after how many files a digest is written before its time.
	mostFiles = 500
)

func (s *Service) deliveries() store.Table[delivery] {
	return store.NewTable[delivery](s.st, store.Prefix(record.Everywhere.Account, record.Everywhere.Region, "cloudtrail", "delivery"))
}

// deliverAll delivers for all trails every now and then, until ctx ends.
func (s *Service) deliverAll(ctx context.Context) {
	tick := time.NewTicker(s.opt.Deliver)
	defer tick.Stop()
	for {
		s.refresh(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.Deliver(ctx, time.Now())
		}
	}
}

// Deliver delivers what the trails have not delivered yet, and the digests whose
// time has come.
func (s *Service) Deliver(ctx context.Context, now time.Time) {
	rows, err := s.trails().All(ctx)
	if err != nil {
		s.opt.Log.Error("trails not read", "error", err)
		return
	}
	for _, row := range rows {
		s.deliverOne(ctx, &row.Value, now)
	}
}

// deliverOne delivers for one trail, if it was ever started.
func (s *Service) deliverOne(ctx context.Context, t *trail, now time.Time) {
	if t.Started.IsZero() {
		return
	}
	s.delivering.Lock()
	defer s.delivering.Unlock()
	if err := s.deliver(ctx, t, now.UTC()); err != nil && ctx.Err() == nil {
		s.opt.Log.Warn("trail not delivered: it is tried again", "trail", t.arn(), "error", err)
	}
}

// deliver delivers for one trail. What went wrong stands in its status.
func (s *Service) deliver(ctx context.Context, t *trail, now time.Time) error {
	d, _, err := s.deliveries().Get(ctx, t.id())
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if !d.Started.Equal(t.Started) {
		d.Started, d.After, d.AfterData, d.DigestFrom = t.Started, t.After, t.AfterData, t.Started
		d.Group = groupDelivery{}
	}
	if d.Group.To != t.LogGroup { // what is delivered from now on goes there
		d.Group = groupDelivery{To: t.LogGroup, After: d.After, AfterData: d.AfterData}
	}
	last, lastData := s.keep.log.Last(), s.keep.data.Last()
	if !t.Logging {
		last, lastData = min(last, t.Until), min(lastData, t.UntilData)
		if d.After >= last && d.AfterData >= lastData && len(d.Files) == 0 && d.Group.done(last, lastData) {
			return nil // it has delivered all
		}
	}
	groupFailed := s.deliverGroup(ctx, t, &d.Group, last, lastData)
	failed := s.deliverAlong(ctx, t, &d, stretch{s.keep.log, &d.After, last}, now)
	if failed == nil {
		failed = s.deliverAlong(ctx, t, &d, stretch{s.keep.data, &d.AfterData, lastData}, now)
	}
	if failed == nil && t.Validation && s.digestDue(t, &d, now) {
		failed = s.signFiles(ctx, t, &d, now)
	}
	if !t.Validation {
		d.Files = nil
	}
	d.Error, d.Group.Error = errorText(failed), errorText(groupFailed)
	return errors.Join(failed, groupFailed, store.Update(ctx, s.st, func(c *store.Change) error {
		_, rev, err := s.trails().Get(ctx, t.id())
		if err != nil {
			return err // it was deleted meanwhile
		}
		c.Require(s.trails().Is(t.id(), rev))
		store.Add(c, s.deliveries(), t.id(), d)
		return nil
	}))
}

// digestDue reports whether it is time for digests: now and then, and a last time
// when a trail was stopped.
func (s *Service) digestDue(t *trail, d *delivery, now time.Time) bool {
	if !t.Logging {
		return len(d.Files) > 0 || d.DigestFrom.Before(t.Stopped)
	}
	return !now.Before(d.DigestFrom.Add(s.opt.Digest)) || len(d.Files) >= mostFiles
}

// errorText is what the status of a trail says of an error.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	text := err.Error()
	return text[:min(len(text), 256)]
}

// A stretch is what is to be delivered of a journal.
type stretch struct {
	of    *journal.Journal
	after *uint64 // number of the last entry that was delivered
	last  uint64
}

// next reads some of the entries after a number, and says how far these reach. What
// is gone before it was delivered, removed or damaged, is passed over.
func (s *Service) next(ctx context.Context, t *trail, way stretch, after uint64) (list []journal.Entry, upTo uint64, err error) {
	list, err = way.of.Next(ctx, after)
	if err != nil {
		return nil, after, err
	}
	if i := slices.IndexFunc(list, func(e journal.Entry) bool { return e.Seq > way.last }); i >= 0 {
		list = list[:i]
	}
	first := way.last + 1
	if upTo = way.last; len(list) > 0 {
		first, upTo = list[0].Seq, list[len(list)-1].Seq
	}
	if first > after+1 {
		s.opt.Log.Error("events are lost before a trail has delivered them", "trail", t.arn(), "after", after, "before", first)
	}
	return list, upTo, nil
}

// deliverAlong delivers a stretch, file by file.
func (s *Service) deliverAlong(ctx context.Context, t *trail, d *delivery, way stretch, now time.Time) error {
	*way.after = min(*way.after, way.last) // the tail of a journal may have been lost with the power
	for *way.after < way.last {
		if err := s.deliverSome(ctx, t, d, way, now); err != nil {
			return err
		}
	}
	return nil
}

// deliverSome delivers the next events, a file for each Region.
func (s *Service) deliverSome(ctx context.Context, t *trail, d *delivery, way stretch, now time.Time) error {
	byRegion := map[string][]journal.Entry{}
	after, records, size := *way.after, 0, 0
	for after < way.last && records < mostRecords && size < mostBytes {
		list, upTo, err := s.next(ctx, t, way, after)
		if err != nil {
			return err
		}
		after = upTo
		for i := range list {
			e := &list[i]
			if region, ok := t.wants(e.Text); ok {
				byRegion[region] = append(byRegion[region], *e)
				records, size = records+1, size+len(e.Text)
			}
		}
	}
	s.opt.Log.Debug("trail delivers", "trail", t.Name, "records", records)
	for _, region := range slices.Sorted(maps.Keys(byRegion)) {
		f, err := s.putFile(ctx, t, region, byRegion[region], now)
		if err != nil {
			return err
		}
		d.Files = append(d.Files, f)
		d.Latest = now
	}
	*way.after = after
	return nil
}

// wants tells whether a trail delivers a record, and under which Region.
func (t *trail) wants(text []byte) (string, bool) {
	v, ok := viewOf(text)
	if !ok || v.Recipient != t.Account || !t.selects(&v) {
		return "", false
	}
	global := v.Source == "iam.amazonaws.com"
	if global && !t.Global {
		return "", false
	}
	return v.Region, t.MultiRegion || global || v.Region == t.Region
}

// putFile puts the records of one Region.
//
// AWS: "CloudTrail log file examples": the name of the file, and of what it is.
func (s *Service) putFile(ctx context.Context, t *trail, region string, list []journal.Entry, now time.Time) (logFile, error) {
	var text bytes.Buffer
	text.WriteString(`{"Records":[`)
	f := logFile{In: region, Bucket: t.Bucket, Method: "SHA-256"}
	for i := range list {
		if i > 0 {
			text.WriteByte(',')
		}
		text.Write(list[i].Text)
		at := time.UnixMilli(list[i].Time).UTC().Truncate(time.Second)
		if f.Newest.IsZero() || at.After(f.Newest) {
			f.Newest = at
		}
		if f.Oldest.IsZero() || at.Before(f.Oldest) {
			f.Oldest = at
		}
	}
	text.WriteString(`]}`)
	f.Object = t.folder("CloudTrail", region, now) + t.Account + "_CloudTrail_" + region + "_" + now.Format("20060102T1504Z") + "_" + record.NewID(16) + ".json.gz"
	sum := sha256.Sum256(text.Bytes())
	f.Hash = hex.EncodeToString(sum[:])
	return f, s.opt.Buckets.PutFile(ctx, t.Account, t.Bucket, f.Object, zipped(text.Bytes()), nil)
}

// folder is where the files of a day stand.
func (t *trail) folder(kind, region string, now time.Time) string {
	prefix := t.Prefix
	if prefix != "" {
		prefix += "/"
	}
	return prefix + "AWSLogs/" + t.Account + "/" + kind + "/" + region + now.Format("/2006/01/02/")
}

func zipped(text []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(text) // to memory: it never fails
	_ = w.Close()
	return b.Bytes()
}
