package logs

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/logs"
)

// accessLine is a line as access logs have it.
func accessLine(dst []byte, r *rand.Rand, i int) []byte {
	return fmt.Appendf(dst, `{"requestId":"%08x-%04x-4%03x-8%03x-%012x","ip":"10.0.%d.%d","requestTime":"23/Nov/2026:04:%02d:%02d +0000","httpMethod":"GET","resourcePath":"/pets/{id}","status":"%d","protocol":"HTTP/1.1","responseLength":"%d"}`,
		r.Uint32(), r.Uint32()&0xFFFF, r.Uint32()&0xFFF, r.Uint32()&0xFFF, r.Uint64()&0xFFFFFFFFFFFF, r.IntN(256), r.IntN(256), i/60000%60, i/1000%60, []int{200, 200, 200, 404, 500}[r.IntN(5)], r.IntN(5000))
}

// BenchmarkFilterLogEvents searches ten million lines.
func BenchmarkFilterLogEvents(b *testing.B) {
	s := New(newStore(b), Options{Dir: b.TempDir()})
	bench := startBench(b, s)
	bench.group("g")
	w := s.Group(testScope, "g", false).Stream("s")
	r := rand.New(rand.NewPCG(1, 2))
	var line []byte
	for i := range 10_000_000 {
		line = accessLine(line[:0], r, i)
		for !w.Write(int64(1+i/200), line) {
			runtime.Gosched()
		}
	}
	for _, pattern := range []string{`"0badcafe"`, `"10.0.77.77" -GET`, `{ $.responseLength = "4999" && $.ip = "10.0.77.77" }`, `%0badcafe%`, `{ $.status = 500 && $.responseLength = 4999 }`} {
		b.Run(pattern, func(b *testing.B) {
			begun := processTime(b)
			for b.Loop() {
				if _, err := s.FilterLogEvents(bench.ctx, &api.FilterLogEventsInput{LogGroupName: new("g"), FilterPattern: &pattern}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric((processTime(b)-begun).Seconds()/float64(b.N), "cpu-s/op") // also of a busy machine
		})
	}
}

// processTime is the processor time that the process has had.
func processTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkStreamWrite(b *testing.B) {
	s := New(newStore(b), Options{Dir: b.TempDir()})
	bench := startBench(b, s)
	bench.group("g")
	w := s.Group(testScope, "g", false).Stream("s")
	line := accessLine(nil, rand.New(rand.NewPCG(1, 2)), 1)
	b.ReportAllocs()
	for b.Loop() {
		w.Write(1, line)
	}
}
