package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"reflect"
	"strings"
	"testing"

	"gatehouse/internal/handover"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
)

// Lines that wait for a successor are told, also if it serves when there is nothing
// else to wait for.
func TestTellLate(t *testing.T) {
	for range 30 { // of two things that have come either may be seen first
		n := &node{late: newLate(), log: slog.New(slog.DiscardHandler)}
		link, other, err := handover.NewLink()
		if err != nil {
			t.Fatal(err)
		}
		theirs, err := net.FileConn(other)
		if err != nil {
			t.Fatal(err)
		}
		other.Close()
		n.late.add(record.Scope{Account: "000000000000", Region: "us-east-1"}, "group", "stream", 1, []byte("late"), nil)
		n.late.link <- link
		ctx, end := context.WithCancel(t.Context())
		end()
		if err := n.tellLate(ctx); err != nil {
			t.Error(err)
		}
		link.Close() // ends the reading, if nothing was told
		b := make([]byte, 1024)
		if m, err := theirs.Read(b); err != nil || !strings.Contains(string(b[:m]), `"Group":"group"`) {
			t.Fatalf("got %q, %v; want the line", b[:m], err)
		}
		theirs.Close()
	}
}

// Long lines are few: what waits for a successor is bounded by its bytes, too.
func TestLateIsBounded(t *testing.T) {
	l := newLate()
	long := make([]byte, 1<<20)
	taken := 0
	for range 40 {
		if l.add(record.Scope{}, "group", "stream", 1, long, nil) {
			taken++
		}
	}
	if taken != maxLateBytes/len(long) || l.lost.Load() != int64(40-taken) {
		t.Errorf("%d of 40 lines were taken, %d are counted as lost", taken, l.lost.Load())
	}
	if !l.add(record.Scope{}, "group", "stream", 1, nil, nil) {
		t.Error("a line without text finds no room, though it needs none")
	}
}

// A line comes whole, however long it and what deliveries get of it are.
func TestLongLateLines(t *testing.T) {
	long, text := bytes.Repeat([]byte("0123456789"), journal.MaxText/10), bytes.Repeat([]byte("abc"), 100<<10)
	lines := []lateLine{
		{Group: "short", Text: []byte("text")},
		{Group: "delivered", Text: []byte("text"), Whole: []byte("text")},
		{Group: "long and delivered", Text: []byte("cut"), Whole: long},
		{Group: "both long", Text: text, Whole: long},
		{Group: "long", Text: long},
		{Group: "end", At: 7, Text: text[:latePart], Whole: text[:latePart]},
	}
	link, other, err := handover.NewLink()
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	theirs, err := net.FileConn(other)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	other.Close()
	n := &node{late: newLate(), log: slog.New(slog.DiscardHandler)}
	told := make(chan struct{})
	go func() {
		defer close(told)
		for i := range lines {
			l := lines[i]
			n.late.add(record.Scope{Account: l.Account, Region: l.Region}, l.Group, l.Stream, l.At, l.Text, l.Whole)
			line := <-n.late.lines
			n.tellLine(link, &line)
		}
	}()
	var p partLine
	b := make([]byte, 1<<20)
	for _, want := range lines {
		for ended := false; !ended; {
			k, err := theirs.Read(b)
			if err != nil {
				t.Fatal(err)
			}
			var m handover.Message
			var got lateLine
			if err := errors.Join(json.Unmarshal(b[:k], &m), json.Unmarshal(m.Body, &got)); err != nil {
				t.Fatal(err)
			}
			if ended, err = p.join(&got); err != nil {
				t.Fatal(err)
			}
			if ended && !reflect.DeepEqual(got, want) {
				t.Errorf("%s: %d bytes came, and %d for deliveries; want %d and %d", want.Group, len(got.Text), len(got.Whole), len(want.Text), len(want.Whole))
			}
		}
	}
	<-told
	if lost, left := n.late.lost.Load(), n.late.bytes.Load(); lost != 0 || left != 0 {
		t.Errorf("%d lines were lost, %d bytes are still counted", lost, left)
	}
}

// What has no end does not fill the memory.
func TestLateLineWithoutEnd(t *testing.T) {
	var p partLine
	for i := range 1000 {
		ended, err := p.join(&lateLine{Text: make([]byte, latePart), More: true})
		if ended {
			t.Fatal("it has ended")
		}
		if err != nil {
			if i*latePart != journal.MaxText || p.text != nil {
				t.Errorf("refused after %d bytes, %d are kept", i*latePart, len(p.text))
			}
			return
		}
	}
	t.Error("it was never refused")
}
