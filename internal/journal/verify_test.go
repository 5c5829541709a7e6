package journal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/journal"
)

// TestVerify: a whole journal has no fault; a changed byte, a segment that was
// taken out, and what was put in are told; that the oldest went is none.
func TestVerify(t *testing.T) {
	dir := t.TempDir()
	j := open(t, journal.NewSet(dir, journal.Options{Block: 4 << 10, Segment: 8 << 10, MaxBytes: 1 << 20}), "j")
	for _, e := range numbered(3000) {
		if err := j.Write([]journal.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	verify := func(t *testing.T, dir string) journal.Verdict {
		t.Helper()
		n := uint64(0)
		v, err := journal.Verify(filepath.Join(dir, "j"), func(e *journal.Entry) error {
			n++
			if !strings.HasPrefix(string(e.Text), "line ") {
				t.Errorf("entry %d is %q", e.Seq, e.Text)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if n != v.Entries {
			t.Errorf("%d entries were told, %d counted", n, v.Entries)
		}
		return v
	}
	if v := verify(t, dir); v.Entries != 3000 || v.First != 1 || v.Last != 3000 || len(v.Faults) != 0 {
		t.Fatalf("a whole journal: %+v", v)
	}
	segs, _ := filepath.Glob(filepath.Join(dir, "j", "*.segment"))
	if len(segs) < 3 {
		t.Fatalf("%d segments", len(segs))
	}
	tests := []struct {
		name string
		do   func(file func(i int) string) error
		want string // of the only fault; empty: there is none
	}{
		{"the oldest is gone", func(file func(i int) string) error { return os.Remove(file(0)) }, ""},
		{"one between is gone", func(file func(i int) string) error { return os.Remove(file(1)) }, "are missing"},
		{"a byte is changed", func(file func(i int) string) error {
			b, err := os.ReadFile(file(1))
			if err != nil {
				return err
			}
			b[len(b)-10] ^= 1
			return os.WriteFile(file(1), b, 0o600)
		}, "is damaged"},
		{"a header is changed", func(file func(i int) string) error {
			b, err := os.ReadFile(file(1))
			if err != nil {
				return err
			}
			b[30] ^= 1
			return os.WriteFile(file(1), b, 0o600)
		}, "places hold no block"},
		{"a file is put in", func(file func(i int) string) error { return os.WriteFile(file(0)+".x", nil, 0o600) }, "does not belong there"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := t.TempDir()
			if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			if err := tt.do(func(i int) string { return filepath.Join(to, "j", filepath.Base(segs[i])) }); err != nil {
				t.Fatal(err)
			}
			v := verify(t, to)
			switch {
			case tt.want == "" && len(v.Faults) > 0:
				t.Errorf("faults %q", v.Faults)
			case tt.want != "" && !strings.Contains(strings.Join(v.Faults, "\n"), tt.want):
				t.Errorf("faults %q, want one with %q", v.Faults, tt.want)
			}
		})
	}
}
