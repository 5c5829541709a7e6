package lambda

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/internal/function"
)

// A log is bounded: the file and the one before it.
func TestLogs(t *testing.T) {
	root := t.TempDir()
	l := NewLogs(root, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	write := l.Of(testScope, "hello")
	at := time.Date(2026, 11, 23, 1, 2, 3, 4e6, time.UTC)
	write(function.Line{Time: at, Text: []byte("first")})
	long := bytes.Repeat([]byte("x"), 64<<10)
	for range 2*maxLogFile/len(long) + 10 {
		write(function.Line{Time: at, Text: long})
	}
	write(function.Line{Time: at, Text: []byte("last")})
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	path := LogFile(root, testScope, "hello")
	for _, name := range []string{path, path + ".1"} {
		info, err := os.Stat(name)
		if err != nil || info.Size() > maxLogFile+128<<10 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v bytes, mode %v, %v", name, info.Size(), info.Mode(), err)
		}
	}
	b, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(b), "\n2026-11-23T01:02:03.004Z\tlast\n") {
		t.Errorf("the log ends with %q, %v", b[max(0, len(b)-40):], err)
	}
	entries, err := os.ReadDir(root + "/" + testScope.Account + "/" + testScope.Region)
	if err != nil || len(entries) != 2 {
		t.Errorf("%d files, want 2 (%v)", len(entries), err)
	}
}

// More functions than files may be open write their logs, too.
func TestLogsOfMany(t *testing.T) {
	root := t.TempDir()
	l := NewLogs(root, slog.New(slog.DiscardHandler))
	names := make([]string, maxOpenLogs+20)
	for i := range names {
		names[i] = "f" + strings.Repeat("x", i%10) + string(rune('a'+i%26)) + strings.Repeat("y", i/26)
	}
	for range 2 {
		for _, name := range names {
			l.Of(testScope, name)(function.Line{Time: time.Now(), Text: []byte(name)})
		}
	}
	if n := len(l.files); n > maxOpenLogs {
		t.Errorf("%d files are open, limit %d", n, maxOpenLogs)
	}
	if err := l.each((*logFile).close); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(LogFile(root, testScope, name))
		if n := strings.Count(string(b), name+"\n"); err != nil || n < 2 {
			t.Fatalf("the log of %s has %d lines, want 2 (%v)", name, n, err)
		}
	}
}
