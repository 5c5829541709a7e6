package ingress_test

import (
	"encoding/binary"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/internal/gateway/ingress"
)

// A flood is what a client sends again and again; each call sends one round.
type flood struct {
	name  string
	begin func(r *rawH2)
	round func(r *rawH2, i int) error
	limit int // rounds after which the connection must have ended
}

func id(i int) uint32 { return uint32(2*i + 1) }

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

var floods = []flood{
	{
		name: "rapid reset",
		round: func(r *rawH2, i int) error {
			_ = r.write(headers, endHeaders|endStream, id(i), r.request("GET", "/"))
			return r.write(rstStream, 0, id(i), u32(8))
		},
		limit: 2000,
	},
	{
		name: "made to reset",
		round: func(r *rawH2, i int) error {
			_ = r.write(headers, endHeaders, id(i), r.request("POST", "/"))
			return r.write(windowUpdate, 0, id(i), u32(0)) // a stream error (RFC 9113 §6.9)
		},
		limit: 2000,
	},
	{
		name: "more streams than allowed",
		round: func(r *rawH2, i int) error {
			return r.write(headers, endHeaders, id(i), r.request("POST", "/"))
		},
		limit: 5000,
	},
	{
		name: "continuation, empty",
		begin: func(r *rawH2) {
			_ = r.write(headers, 0, 1, r.request("GET", "/"))
		},
		round: func(r *rawH2, i int) error { return r.write(continuation, 0, 1, nil) },
		limit: 100,
	},
	{
		name: "continuation, a header each",
		begin: func(r *rawH2) {
			_ = r.write(headers, 0, 1, r.request("GET", "/"))
		},
		round: func(r *rawH2, i int) error {
			return r.write(continuation, 0, 1, r.block("x-a", "b"))
		},
		limit: 100,
	},
	{
		name:  "settings",
		round: func(r *rawH2, i int) error { return r.write(settings, 0, 0, nil) },
		limit: 5000,
	},
	{
		name:  "settings, acknowledged unasked",
		round: func(r *rawH2, i int) error { return r.write(settings, ack, 0, nil) },
		limit: 5000,
	},
	{
		name:  "ping",
		round: func(r *rawH2, i int) error { return r.write(ping, 0, 0, make([]byte, 8)) },
		limit: 5000,
	},
	{
		name:  "ping, acknowledged unasked",
		round: func(r *rawH2, i int) error { return r.write(ping, ack, 0, make([]byte, 8)) },
		limit: 5000,
	},
	{
		name:  "priority",
		round: func(r *rawH2, i int) error { return r.write(priority, 0, id(i), make([]byte, 5)) },
		limit: 5000,
	},
	{
		name:  "unknown frames",
		round: func(r *rawH2, i int) error { return r.write(0xbb, 0, 0, nil) },
		limit: 5000,
	},
	{
		name: "empty data",
		begin: func(r *rawH2) {
			_ = r.write(headers, endHeaders, 1, r.request("POST", "/"))
		},
		round: func(r *rawH2, i int) error { return r.write(data, 0, 1, nil) },
		limit: 5000,
	},
	{
		name:  "window updates",
		round: func(r *rawH2, i int) error { return r.write(windowUpdate, 0, 0, u32(1)) },
		limit: 5000,
	},
}

// TestFloods sends each flood as fast as the gateway takes it. Time stands
// still meanwhile, so that the steady rates allow nothing: what a client can
// send at once is what is measured.
func TestFloods(t *testing.T) {
	for _, f := range floods {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln, stop := serve(t, &fake{serve: hello}, ingress.Options{})
				defer stop()
				r := newRawH2(t, ln.dial(t))
				ended := make(chan int, 1)
				go func() { ended <- r.ended() }()
				n := f.rounds(r)
				r.c.Close()
				if n >= f.limit {
					t.Errorf("connection still up after %d rounds", n)
				}
				t.Logf("ended after %d rounds, GOAWAY %d", n, <-ended)
			})
		})
	}
}

func (f *flood) rounds(r *rawH2) int {
	if f.begin != nil {
		f.begin(r)
	}
	for i := range f.limit {
		if f.round(r, i) != nil || r.flush() != nil {
			return i
		}
	}
	return f.limit
}

// TestFloodMemory checks that a client that floods and reads nothing makes
// the gateway hold little.
func TestFloodMemory(t *testing.T) {
	for _, f := range floods {
		t.Run(f.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ln, stop := serve(t, &fake{serve: hello}, ingress.Options{})
				defer stop()
				r := newRawH2(t, ln.dial(t))
				defer r.c.Close()
				before := heap()
				ended := make(chan int, 1)
				go func() { ended <- f.rounds(r) }()
				synctest.Wait() // blocked: what it sends now is not taken any more
				// Without the guard it is 26 MiB; the collector leaves some of what is free.
				if grown := heap() - before; grown > 4<<20 {
					t.Errorf("gateway holds %d KiB for a client that reads nothing", grown>>10)
				}
				time.Sleep(2 * time.Minute) // fake time
				select {
				case <-ended:
				default:
					t.Error("connection still up after two minutes")
				}
			})
		})
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
