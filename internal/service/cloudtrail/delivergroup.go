package cloudtrail

import (
	"context"
	"time"

	"gatehouse/internal/journal"
)

// A groupDelivery is what a trail has delivered to its log group. It goes its own
// way: a bucket that fails does not hold it up, and the other way round.
type groupDelivery struct {
	To               string // ARN of the group; empty: there is none
	After, AfterData uint64 // numbers of the last events that were delivered
	Latest           time.Time
	Error            string // of the last attempt
}

// done reports whether all is delivered up to some events.
func (d *groupDelivery) done(last, lastData uint64) bool {
	return d.To == "" || d.After >= last && d.AfterData >= lastData
}

// deliverGroup delivers to the log group of a trail, if it has one.
//
// AWS: "Sending events to CloudWatch Logs": a stream is called
// ACCOUNT_CloudTrail_REGION, and an event is a record.
func (s *Service) deliverGroup(ctx context.Context, t *trail, d *groupDelivery, last, lastData uint64) error {
	scope, group, ok := t.group()
	if !ok || s.opt.Groups == nil {
		return nil
	}
	for _, way := range []stretch{{s.keep.log, &d.After, last}, {s.keep.data, &d.AfterData, lastData}} {
		*way.after = min(*way.after, way.last)
		for *way.after < way.last {
			list, upTo, err := s.next(ctx, t, way, *way.after)
			if err != nil {
				return err
			}
			var events []journal.Entry
			for i := range list {
				e := &list[i]
				if _, ok := t.wants(e.Text); ok {
					events = append(events, journal.Entry{Time: e.Time, Text: e.Text})
				}
			}
			if len(events) > 0 {
				if err := s.opt.Groups.WriteEvents(ctx, scope, group, t.Account+"_CloudTrail_"+t.Region, events); err != nil {
					return err
				}
				d.Latest = time.Now().UTC()
			}
			*way.after = upTo
		}
	}
	return nil
}
