package function_test

import (
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/function"
)

// cpu returns the processor time of this process, its children not counted.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkInvokeWarm reports what an invocation of a warm instance costs the
// gateway: µs of processor time, besides the time it takes. Budget: 120 µs.
func BenchmarkInvokeWarm(b *testing.B) {
	for _, logged := range []bool{false, true} {
		name := "silent"
		if logged {
			name = "logged"
		}
		b.Run(name, func(b *testing.B) {
			h := newHost(b, function.Options{})
			def := latest(function.Version{Code: testCode(b)})
			if logged {
				def.Log = func(function.Line) {}
			}
			mustSet(b, h, def)
			invoke(b, h, deed{})
			in := &function.Invocation{Function: testARN, Payload: []byte(`{"resource":"/{proxy+}","path":"/pets","httpMethod":"GET"}`), Source: function.Source{}}
			b.ReportAllocs()
			before := cpu()
			for b.Loop() {
				if _, err := h.Invoke(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

// BenchmarkColdStart is the time until the first answer of a function that
// starts at once. Budget: 30 ms over its own start.
func BenchmarkColdStart(b *testing.B) {
	for name, opt := range map[string]function.Options{"sandbox": usual(b), "none": {}} {
		b.Run(name, func(b *testing.B) {
			h := newHost(b, opt)
			mustSet(b, h, latest(function.Version{Code: linkedCode(b)}))
			for b.Loop() {
				invoke(b, h, deed{Do: "answer and exit"})
			}
		})
	}
}
