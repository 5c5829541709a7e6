package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gatehouse/internal/arn"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Buckets is where deliveries put objects.
type Buckets interface {
	// CheckBucket returns nil if an account has a bucket of a name.
	CheckBucket(ctx context.Context, account, bucket string) error
	// PutFile puts a gzipped object into a bucket of an account.
	PutFile(ctx context.Context, account, bucket, key string, content []byte, meta map[string]string) error
}

// A DeliveryStream takes lines, and returns how many bytes of them were taken. It
// gives up when ctx ends.
type DeliveryStream func(ctx context.Context, lines []byte) (int, error)

const (
	// bucketPace is how often an object is put into a bucket, if there is something
	// to put.
	//
	// AWS: undocumented for this source; others deliver every 5 minutes.
	bucketPace = 5 * time.Minute
	// bucketBytes is how much is put into one object, before compression.
	bucketBytes = 8 << 20
)

// A courier carries the records of one delivery.
type courier struct {
	s     *Service
	scope record.Scope
	from  vendedSource
	to    vendedDestination
	v     vendedDelivery
}

// beginHere has a new delivery begin with what its source writes next. The group
// of that is made if there is none yet.
func (s *Service) beginHere(ctx context.Context, scope record.Scope, from *vendedSource, v *vendedDelivery) (cursor, error) {
	err := s.create(ctx, scope, groupRecord{Name: from.group()})
	if err != nil && !isExists(err) {
		return "", err
	}
	l, err := s.find(ctx, from.group())
	if err != nil {
		return "", err
	}
	whole, err := s.openWhole(l)
	if err != nil {
		return "", err
	}
	c := s.cursor(&feed{name: v.feedName(), l: whole})
	return c, c.write(whole.journal.Last())
}

func (v *vendedDelivery) feedName() string { return "whole-" + v.ID }

// vendedFeeds are the feeds of all deliveries whose sources have a log group. What
// they follow is written from here on; where nothing follows, it is not any more.
func (s *Service) vendedFeeds(ctx context.Context) ([]feed, error) {
	s.following.Lock()
	defer s.following.Unlock()
	list, err := s.allVendedFeeds(ctx)
	if err != nil {
		return nil, err
	}
	followed := map[place]bool{}
	for i := range list {
		followed[list[i].l.at] = true
	}
	s.eachLive(func(l *live) {
		if !followed[l.at] {
			err = errors.Join(err, s.dropWhole(l))
		}
	})
	return list, err
}

func (s *Service) allVendedFeeds(ctx context.Context) ([]feed, error) {
	scopes, err := record.Scopes(ctx, s.st)
	if err != nil {
		return nil, err
	}
	var list []feed
	for _, scope := range scopes {
		rows, err := s.deliveries(scope).All(ctx)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			c := &courier{s: s, scope: scope, v: rows[i].Value}
			f, err := c.feed(ctx)
			switch {
			case errors.Is(err, store.ErrNotFound):
				continue // it is being deleted
			case err != nil:
				return nil, err
			case f != nil:
				list = append(list, *f)
			}
		}
	}
	return list, nil
}

// feed is what follows the source's group; nil: there is no such group.
func (c *courier) feed(ctx context.Context) (*feed, error) {
	var err error
	if c.from, _, err = c.s.sources(c.scope).Get(ctx, store.ID(c.v.Source)); err != nil {
		return nil, err
	}
	if c.to, _, err = c.s.destinations(c.scope).Get(ctx, store.ID(c.v.Destination)); err != nil {
		return nil, err
	}
	c.s.mu.Lock()
	g := c.s.groups[place{c.scope, c.from.group()}]
	c.s.mu.Unlock()
	if g == nil || g.live.Load() == nil {
		return nil, nil
	}
	version, err := json.Marshal([]any{c.from, c.to, c.v})
	if err != nil {
		return nil, err
	}
	l, err := c.s.openWhole(g.live.Load())
	if err != nil {
		return nil, err
	}
	f := &feed{name: c.v.feedName(), version: string(version), l: l, take: c.take, fromStart: true}
	if c.to.Kind == toBucket {
		f.rest, f.most = bucketPace, bucketBytes
		if c.s.opt.BucketPace != 0 {
			f.rest = c.s.opt.BucketPace
		}
	}
	return f, nil
}

// take delivers events, all or, if it fails, all of them again.
func (c *courier) take(ctx context.Context, entries []journal.Entry) error {
	switch c.to.Kind {
	case toGroup:
		return c.toGroup(ctx, entries)
	case toBucket:
		return c.toBucket(ctx, entries)
	}
	name, _ := strings.CutPrefix(resourceOf(c.to.Resource), "deliverystream/")
	send := c.s.opt.Streams(name)
	if send == nil {
		return fmt.Errorf("no delivery-stream of the configuration says where %s is", c.to.Resource)
	}
	_, err := send(ctx, c.lines(entries))
	return err
}

func (c *courier) toGroup(ctx context.Context, entries []journal.Entry) error {
	out := make([]journal.Entry, 0, len(entries))
	for i := range entries {
		text := c.fitting(&entries[i])
		if len(text) > journal.MaxText { // for ever: it must not hold up the rest
			c.s.opt.Log.Warn("an event is left out, its record is too long for a log group", "delivery", c.v.ID, "bytes", len(text))
			continue
		}
		out = append(out, journal.Entry{Time: entries[i].Time, Text: text})
	}
	return c.s.WriteEvents(ctx, c.scope, groupOf(c.to.Resource), vendedService+"_"+c.from.RestAPI+"_"+c.from.Stage, out)
}

// fitting is the record of an event, which has a place in a log group: its message
// is cut, if the rest of the record leaves no room for all of it.
func (c *courier) fitting(e *journal.Entry) []byte {
	short := *e
	for at := len(e.Text); ; {
		text := bytes.TrimSuffix(c.append(nil, &short), []byte{'\n'})
		over := len(text) - journal.MaxText
		if over <= 0 || at == 0 {
			return text
		}
		// A byte of the message is one of the record at least, two of many.
		at = max(0, at-over/2-len(truncated))
		for at > 0 && !utf8.RuneStart(e.Text[at]) {
			at--
		}
		short.Text = append(bytes.Clone(e.Text[:at]), truncated...)
	}
}

// truncated ends what was cut, as execution logs say it.
const truncated = " [TRUNCATED]"

// toBucket puts an object.
//
// AWS: "Logging that requires additional permissions [V2]", logs sent to Amazon S3:
// AWSLogs, account, service, then the suffix path.
func (c *courier) toBucket(ctx context.Context, entries []journal.Entry) error {
	bucket, prefix, _ := strings.Cut(resourceOf(c.to.Resource), "/")
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	at := time.UnixMilli(entries[0].Time).UTC()
	values := map[string]string{
		"accountid": c.scope.Account, "region": c.scope.Region, "yyyy": at.Format("2006"), "MM": at.Format("01"), "dd": at.Format("02"), "HH": at.Format("15"), "mm": at.Format("04"),
	}
	path := suffixPath(c.v.Suffix, func(field string) string { return values[field] })
	key := prefix + "AWSLogs/" + c.scope.Account + "/" + vendedService + "/" + c.scope.Region + "/" + strings.Trim(path, "/") + "/" +
		c.scope.Account + "_" + c.from.RestAPI + "_" + c.from.Stage + "_" + at.Format("20060102T1504Z") + "_" + record.NewID(8) + ".log.gz"
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write(c.lines(entries)) // to memory: it never fails
	_ = w.Close()
	return c.s.opt.Buckets.PutFile(ctx, c.scope.Account, bucket, key, b.Bytes(), nil)
}

// lines are the records of events, a line each.
func (c *courier) lines(entries []journal.Entry) []byte {
	var b []byte
	for i := range entries {
		b = c.append(b, &entries[i])
	}
	return b
}

// append appends the record of an event, and ends the line.
func (c *courier) append(b []byte, e *journal.Entry) []byte {
	request, message := "", e.Text
	// AWS: logging-metrics.md §2: the request's id in parentheses stands before each line.
	if rest, ok := bytes.CutPrefix(e.Text, []byte{'('}); ok {
		if id, rest, ok := bytes.Cut(rest, []byte(") ")); ok {
			request, message = string(id), rest
		}
	}
	values := map[string]any{
		fieldTime: e.Time, fieldResource: c.from.Resource, fieldAPI: c.from.RestAPI, fieldStage: c.from.Stage, fieldRequest: request, fieldMessage: string(message),
	}
	if c.to.Format == "plain" {
		for i, f := range c.v.Fields {
			if i > 0 {
				b = append(b, c.v.Delimiter...)
			}
			b = fmt.Append(b, values[f])
		}
		return append(b, '\n')
	}
	b = append(b, '{')
	for i, f := range c.v.Fields {
		if i > 0 {
			b = append(b, ',')
		}
		text, _ := json.Marshal(values[f]) // of texts and a number
		b = append(append(append(append(b, '"'), f...), `":`...), text...)
	}
	return append(b, "}\n"...)
}

func resourceOf(text string) string {
	a, _ := arn.Parse(text) // it was parsed before it was stored
	return a.Resource
}

// groupOf is the log group that an ARN names.
func groupOf(text string) string {
	return strings.TrimSuffix(strings.TrimPrefix(resourceOf(text), "log-group:"), ":*")
}
