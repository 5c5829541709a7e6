package function_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"gatehouse/internal/function"
)

// TestSoak makes many invocations of which some meet faults of all kinds, and
// wants everything to be as it was before: processes, descriptors, files,
// goroutines. FUNCTION_SOAK is how many; test/robust asks for 100,000. Without
// sandboxes it makes a tenth.
func TestSoak(t *testing.T) {
	n := 2500
	if testing.Short() {
		n = 400
	}
	if s := os.Getenv("FUNCTION_SOAK"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("usual", func(t *testing.T) { soak(t, usual(t), n) })
	t.Run("no sandbox", func(t *testing.T) { soak(t, function.Options{Dir: t.TempDir()}, n/10) })
}

func soak(t *testing.T, opt function.Options, n int) {
	opt.Concurrency, opt.Idle, opt.Retry = 12, 50*time.Millisecond, time.Millisecond
	h := function.NewHost(opt)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	def := latest(function.Version{Code: linkedCode(t), Timeout: time.Second, Memory: 192})
	def.Log = func(function.Line) {}
	mustSet(t, h, def)
	if r, w, err := os.Pipe(); err == nil { // the runtime's poller has descriptors, too
		_, _ = r.Close(), w.Close()
	}
	before, goroutines := count(t), runtime.NumGoroutine()
	go func() { done <- h.Run(ctx) }()

	const workers = 8
	jobs := make(chan deed)
	var wg sync.WaitGroup
	tallies := make([]tally, workers)
	for i := range workers {
		wg.Go(func() { work(ctx, h, jobs, &tallies[i], rand.New(rand.NewPCG(2, uint64(i)))) })
	}
	random := rand.New(rand.NewPCG(1, 1))
	for range n {
		jobs <- randomDeed(random)
	}
	close(jobs)
	wg.Wait()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	var sum tally
	for _, l := range tallies {
		sum.good, sum.failed, sum.refused, sum.left, sum.wrong = sum.good+l.good, sum.failed+l.failed, sum.refused+l.refused, sum.left+l.left, sum.wrong+l.wrong
	}
	t.Logf("%d invocations: %d went well, %d failed, %d were refused, %d callers left", n, sum.good, sum.failed, sum.refused, sum.left)
	if sum.wrong > 0 || sum.good < n/2 || sum.failed < n/100 {
		t.Errorf("%d answers were wrong", sum.wrong)
	}
	wantAsBefore(t, opt.Dir, before, goroutines)
}

// wantAsBefore waits for what is about to end.
func wantAsBefore(t *testing.T, dir string, before counts, goroutines int) {
	t.Helper()
	if left, _ := os.ReadDir(filepath.Join(dir, "instances")); len(left) > 0 {
		t.Errorf("%d instances left files behind", len(left))
	}
	var after counts
	if await(func() bool {
		after = count(t)
		return after == before && runtime.NumGoroutine() <= goroutines
	}) {
		return
	}
	t.Errorf("before %+v and %d goroutines, after %+v and %d", before, goroutines, after, runtime.NumGoroutine())
}

// A tally is what came of invocations.
type tally struct{ good, failed, refused, left, wrong int }

func randomDeed(r *rand.Rand) deed {
	faults := []deed{
		{Do: "exit"}, {Do: "exit", N: 3}, {Do: "kill", N: 9}, {Do: "kill", N: 11}, {Do: "error"}, {Do: "tear"}, {Do: "tear and exit"},
		{Do: "answer and exit"}, {Do: "twice"}, {Do: "wrong id"}, {Do: "child"}, {Do: "child", Text: "setsid"}, {Do: "touch"},
		{Do: "print", N: 500, Text: "a line that is not short and not long"}, {Do: "large", N: 1 << 20},
		{Do: "stream", N: 50}, {Do: "stream", N: 5, Text: "fail"}, {Do: "stream", N: 5, Text: "exit"},
	}
	rare := []deed{{Do: "hang"}, {Do: "memory", N: 300}, {Do: "write", N: 200}, {Do: "stream", N: 5, Text: "hang"}}
	switch n := r.IntN(1000); {
	case n < 4:
		return rare[r.IntN(len(rare))]
	case n < 60:
		return faults[r.IntN(len(faults))]
	case n < 70:
		return deed{Do: "sleep", N: r.IntN(20)}
	}
	return deed{Do: "echo", N: r.IntN(1 << 30)}
}

// work makes invocations of all kinds, some of callers that do not wait.
func work(ctx context.Context, h *function.Host, jobs <-chan deed, l *tally, random *rand.Rand) {
	for d := range jobs {
		b, _ := json.Marshal(d)
		in := &function.Invocation{Function: testARN, Payload: b, Tail: random.IntN(10) == 0, Stream: d.Do == "stream" || random.IntN(10) == 0}
		if random.IntN(20) == 0 {
			in.Kind = function.Event
		}
		ctx, leave := context.WithCancel(ctx)
		if random.IntN(50) == 0 {
			time.AfterFunc(time.Duration(random.IntN(3000))*time.Microsecond, leave)
		}
		for !l.add(d, in, ctx.Done(), result(h.Invoke(ctx, in))) {
			<-time.After(time.Millisecond) // refused: asynchronous ones took all the room
		}
		leave()
	}
}

type answer struct {
	*function.Result
	body []byte
	err  error
}

func result(r *function.Result, err error) answer {
	a := answer{Result: r, err: err}
	if err == nil && r.Body != nil {
		a.body, a.err = io.ReadAll(r.Body)
		_ = r.Body.Close()
	} else if err == nil {
		a.body = r.Payload
	}
	return a
}

// add says whether the invocation was let in.
func (l *tally) add(d deed, in *function.Invocation, left <-chan struct{}, a answer) bool {
	var refused *function.Error
	var torn *function.StreamError
	switch {
	case errors.As(a.err, &refused):
		l.refused++
		return false
	case errors.As(a.err, &torn):
		l.failed++
	case a.err != nil:
		select {
		case <-left:
			l.left++
		default:
			l.wrong++
		}
	case in.Kind == function.Event:
		l.good++
	case a.Error != "":
		l.failed++
	case d.Do == "echo" && string(a.body) != string(in.Payload):
		l.wrong++
	default:
		l.good++
	}
	return true
}
