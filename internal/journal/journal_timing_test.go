package journal_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"gatehouse/internal/journal"
)

// accessLine is a line as access logs have it, some 190 bytes.
func accessLine(dst []byte, r *rand.Rand, i int) []byte {
	return fmt.Appendf(dst, `{"requestId":"%08x-%04x-4%03x-8%03x-%012x","ip":"10.0.%d.%d","requestTime":"23/Nov/2026:04:%02d:%02d +0000","httpMethod":"GET","resourcePath":"/pets/{id}","status":"%d","protocol":"HTTP/1.1","responseLength":"%d"}`,
		r.Uint32(), r.Uint32()&0xFFFF, r.Uint32()&0xFFF, r.Uint32()&0xFFF, r.Uint64()&0xFFFFFFFFFFFF, r.IntN(256), r.IntN(256), i/60000%60, i/1000%60, []int{200, 200, 200, 404, 500}[r.IntN(5)], r.IntN(5000))
}

// BenchmarkAppend is the sustained rate, disk included: what is dropped fails it.
func BenchmarkAppend(b *testing.B) {
	s := journal.NewSet(b.TempDir(), journal.Options{})
	stop := run(b, s)
	j := open(b, s, "j")
	r := rand.New(rand.NewPCG(1, 2))
	var lines [1024][]byte
	for i := range lines {
		lines[i] = accessLine(nil, r, i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		for !j.Append(journal.Entry{Time: int64(i / 200), Text: lines[i%1024]}) {
			runtime.Gosched() // full: the writer's rate is what is measured
		}
		i++
	}
	stop()
	b.ReportMetric(float64(i)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkSelect looks for one line among ten million.
func BenchmarkSelect(b *testing.B) {
	dir := b.TempDir()
	s := journal.NewSet(dir, journal.Options{})
	stop := run(b, s)
	j := open(b, s, "j")
	r := rand.New(rand.NewPCG(1, 2))
	const lines = 10_000_000
	var line []byte
	for i := range lines {
		line = accessLine(line[:0], r, i)
		for !j.Append(journal.Entry{Time: int64(i / 200), Text: line}) {
			runtime.Gosched()
		}
	}
	stop()
	b.Logf("%d MiB on disk", j.Bytes()>>20)
	for _, q := range []struct {
		name string
		q    journal.Query
		want int
	}{
		{"rare", journal.Query{Literals: [][]byte{[]byte(`"requestId":"0badcafe`)}}, 0},
		{"each block", journal.Query{Match: func(e *journal.Entry) bool { return bytes.Contains(e.Text, []byte(`"ip":"10.0.77.77"`)) }}, 100},
	} {
		b.Run(q.name, func(b *testing.B) {
			for b.Loop() {
				res, err := j.Select(b.Context(), q.q)
				if err != nil || len(res.Entries) < q.want {
					b.Fatalf("%d entries, %v", len(res.Entries), err)
				}
			}
		})
	}
}
