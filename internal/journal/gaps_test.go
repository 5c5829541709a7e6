package journal_test

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"gatehouse/internal/journal"
)

// TestGaps: what was taken out between others is found by the heads of blocks;
// that the oldest or the newest went is no gap.
func TestGaps(t *testing.T) {
	dir := t.TempDir()
	opt := journal.Options{Block: 4 << 10, Segment: 8 << 10, MaxBytes: 1 << 20}
	j := open(t, journal.NewSet(dir, opt), "j")
	for _, e := range numbered(3000) {
		if err := j.Write([]journal.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	segs, _ := filepath.Glob(filepath.Join(dir, "j", "*.segment"))
	if len(segs) < 4 {
		t.Fatalf("%d segments", len(segs))
	}
	first := func(i int) uint64 { // of a segment, by what is missing without it
		to := t.TempDir()
		if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(filepath.Join(to, "j", filepath.Base(segs[i]))); err != nil {
			t.Fatal(err)
		}
		gaps, err := open(t, journal.NewSet(to, opt), "j").Gaps()
		if err != nil || len(gaps) != 1 {
			t.Fatalf("without %s the gaps are %v, %v", segs[i], gaps, err)
		}
		return gaps[0].First
	}
	tests := []struct {
		name   string
		remove []int
		want   []journal.Gap
	}{
		{"none", nil, nil},
		{"the oldest", []int{0}, nil},
		{"one between", []int{1}, []journal.Gap{{first(1), first(2) - 1}}},
		{"two after another", []int{1, 2}, []journal.Gap{{first(1), first(3) - 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			to := t.TempDir()
			if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			for _, i := range tt.remove {
				if err := os.Remove(filepath.Join(to, "j", filepath.Base(segs[i]))); err != nil {
					t.Fatal(err)
				}
			}
			got, err := open(t, journal.NewSet(to, opt), "j").Gaps()
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("gaps are %v, %v; want %v", got, err, tt.want)
			}
		})
	}
}
