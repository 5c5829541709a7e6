package app

import (
	"bytes"
	"context"
	"errors"
	"sync/atomic"

	"gatehouse/internal/handover"
	"gatehouse/internal/journal"
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
	Whole           []byte // for deliveries; nil: it is none of theirs
	More            bool   // what follows goes on with the texts
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

// size is what a line counts against maxLateBytes.
func (l *lateLine) size() int64 { return int64(len(l.Text) + len(l.Whole)) }

// add takes a line, of whose texts it keeps nothing.
func (l *lateLines) add(scope record.Scope, group, stream string, at int64, text, whole []byte) bool {
	n := int64(len(text) + len(whole))
	if l.bytes.Add(n) <= maxLateBytes && max(len(text), len(whole)) <= journal.MaxText {
		select {
		case l.lines <- lateLine{scope.Account, scope.Region, group, stream, at, bytes.Clone(text), bytes.Clone(whole), false}:
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

// latePart bounds the texts of a line that are told at once: messages between processes
// are short.
const latePart = 32 << 10

func (n *node) tellLine(link *handover.Link, line *lateLine) {
	n.late.bytes.Add(-line.size())
	rest := *line
	for more := true; more; {
		part := rest
		part.Text, rest.Text = cutPart(rest.Text)
		part.Whole, rest.Whole = cutPart(rest.Whole)
		more = rest.size() > 0
		part.More = more
		if link.Send(sayLine, &part, nil) != nil {
			n.late.lost.Add(1)
			return
		}
	}
}

func cutPart(b []byte) (part, rest []byte) {
	i := min(len(b), latePart)
	return b[:i], b[i:]
}

// A partLine is a line of the process before of which the end has not come.
type partLine struct{ text, whole []byte }

// join takes a part of a line, and makes it the whole line; false: there is more to
// come.
func (p *partLine) join(line *lateLine) (bool, error) {
	p.text, p.whole = append(p.text, line.Text...), append(p.whole, line.Whole...)
	if max(len(p.text), len(p.whole)) > journal.MaxText {
		*p = partLine{}
		return false, errors.New("a line for a log group is too long")
	}
	if line.More {
		return false, nil
	}
	line.Text, line.Whole = p.text, p.whole
	*p = partLine{}
	return true, nil
}

// hearLine writes a line of the process before.
func (n *node) hearLine(line *lateLine) error {
	ended, err := n.partLine.join(line)
	if err != nil || !ended {
		return err
	}
	w := n.groups.Group(record.Scope{Account: line.Account, Region: line.Region}, line.Group, true).Stream(line.Stream)
	if line.Whole == nil {
		w.Write(line.At, line.Text) // what it drops it counts
	} else {
		w.WriteWhole(line.At, line.Text, line.Whole)
	}
	return nil
}
