package app

import (
	"bytes"
	"context"
	"sync/atomic"

	"gatehouse/internal/handover"
	"gatehouse/internal/record"
)

// sayLine is what is said of a line for a log group.
const sayLine = "line"

// maxLate and maxLateBytes bound the lines that wait for a successor; further ones
// are lost, and counted. A server that answers 10,000 requests a second in the
// tenths of a second until its successor serves does not come near.
const (
	maxLate      = 16 << 10
	maxLateBytes = 16 << 20
)

// A lateLine is an event for a log group that comes when the groups are a
// successor's already.
type lateLine struct {
	Account, Region string
	Group, Stream   string
	At              int64
	Text            []byte
}

// lateLines keep lines for a successor, which gets them as soon as it serves.
type lateLines struct {
	lines chan lateLine
	bytes atomic.Int64 // of texts in lines
	lost  atomic.Int64
	link  chan *handover.Link // gets that of the successor that serves
}

func newLate() *lateLines {
	return &lateLines{lines: make(chan lateLine, maxLate), link: make(chan *handover.Link, 1)}
}

// add takes a line, of whose text it keeps nothing.
func (l *lateLines) add(scope record.Scope, group, stream string, at int64, text []byte) bool {
	n := int64(len(text))
	if l.bytes.Add(n) <= maxLateBytes {
		select {
		case l.lines <- lateLine{scope.Account, scope.Region, group, stream, at, bytes.Clone(text)}:
			return true
		default:
		}
	}
	l.bytes.Add(-n)
	l.lost.Add(1)
	return false
}

// tellLate tells a successor, if there comes one, until ctx ends and nothing is left.
func (n *node) tellLate(ctx context.Context) error {
	var link *handover.Link
	select {
	case link = <-n.late.link:
	case <-ctx.Done():
		select {
		case link = <-n.late.link: // both have come
		default:
			return nil
		}
	}
	for {
		select {
		case line := <-n.late.lines:
			n.tellLine(link, &line)
		case <-ctx.Done():
			for len(n.late.lines) > 0 { // nothing is served any more
				line := <-n.late.lines
				n.tellLine(link, &line)
			}
			if lost := n.late.lost.Load(); lost > 0 {
				n.log.Error("lines for log groups were lost at the upgrade", "lines", lost)
			}
			return nil
		}
	}
}

func (n *node) tellLine(link *handover.Link, line *lateLine) {
	n.late.bytes.Add(-int64(len(line.Text)))
	if link.Send(sayLine, line, nil) != nil {
		n.late.lost.Add(1)
	}
}
