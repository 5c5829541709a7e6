package corpus

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
)

// A report gathers results, and fails for what disagrees without a reason and
// for reasons that are needed no more.
type report struct {
	t       *testing.T
	reasons map[exception]string

	mu     sync.Mutex // guards the fields below
	counts map[string]*counts
	lines  []string // exceptions that were needed
	used   map[exception]bool
}

// counts are those of one file.
type counts struct{ recordings, whole, answers, agree int }

// add enters the result of one recording.
func (r *report) add(t *testing.T, rec recording, res result) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts == nil {
		r.counts, r.used = map[string]*counts{}, map[exception]bool{}
	}
	n := r.counts[rec.file]
	if n == nil {
		n = &counts{}
		r.counts[rec.file] = n
	}
	n.recordings++
	name := rec.file + "/" + rec.name
	agree := 0
	said := map[error]bool{} // what stopped a replay concerns many answers
	for _, key := range slices.Sorted(maps.Keys(res)) {
		n.answers++
		e := exception{name, key}
		if r.reasons[e] == "" && r.reasons[exception{name, "*"}] != "" {
			e.key = "*"
		}
		reason := r.reasons[e]
		switch err := res[key]; {
		case err == nil:
			n.agree++
			agree++
			if e.key != "*" && reason != "" {
				t.Errorf("%s agrees now: delete its line in %s", key, exceptions)
			}
		case reason == "" && !said[err]:
			said[err] = true
			t.Errorf("%s: %v", key, err)
		}
		if res[key] != nil && reason != "" {
			if !r.used[e] {
				r.lines = append(r.lines, name+"\t"+e.key+"\t"+reason)
			}
			r.used[e] = true
		}
	}
	if agree == len(res) {
		n.whole++
	}
}

// finish fails for exceptions that nothing needed, and writes the table.
func (r *report) finish(path string) {
	for e := range r.reasons {
		if !r.used[e] {
			r.t.Errorf("%s %s: nothing disagrees any more: delete its line in %s", e.recording, e.key, exceptions)
		}
	}
	if path == "" {
		return
	}
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "file\trecordings\tagree\tanswers\tagree\t")
	var sum counts
	for _, file := range slices.Sorted(maps.Keys(r.counts)) {
		n := r.counts[file]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t\n", file, n.recordings, n.whole, n.answers, n.agree)
		sum = counts{sum.recordings + n.recordings, sum.whole + n.whole, sum.answers + n.answers, sum.agree + n.agree}
	}
	fmt.Fprintf(w, "all\t%d\t%d\t%d\t%d\t\n", sum.recordings, sum.whole, sum.answers, sum.agree)
	if err := w.Flush(); err != nil {
		r.t.Error(err)
	}
	slices.Sort(r.lines)
	fmt.Fprintf(&b, "\nexceptions:\n")
	for _, line := range r.lines {
		f := strings.Split(line, "\t")
		fmt.Fprintf(&b, "  %s, %s: %s\n", f[0], f[1], f[2])
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		r.t.Error(err)
	}
}
