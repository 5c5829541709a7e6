package robust_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
)

// The work that is interrupted. Each worker counts: its n-th commit puts n
// under two keys, adds an entry n to its list and removes the entry n - keep.
// Workers below sharers also add one to a counter they share; the worker
// blobber names a blob. So every commit changes several keys, makes exactly
// one revision, and the state tells how many commits each worker made.
const (
	workers = 6
	sharers = 2
	blobber = 2
	keep    = 20
)

// kills is how often the test kills by default, and in short mode.
const (
	defaultKills = 200
	shortKills   = 20
)

func options() boltstore.Options { return boltstore.Options{History: 300} }

func countKey(w int, half string) string { return fmt.Sprintf("/count/%d/%s", w, half) }
func entryKey(w, n int) string           { return fmt.Sprintf("/entry/%d/%08d", w, n) }
func blobContent(n int) []byte           { return bytes.Repeat([]byte(fmt.Sprintf("blob %d ", n)), 1000) }

// entry is what stands in an entry: mostly little, sometimes many pages.
func entry(w, n int) []byte {
	size := 50
	if (w+n)%10 == 0 {
		size = 40_000
	}
	return bytes.Repeat([]byte{byte('a' + n%26)}, size)
}

// committer is the child: it works until it is killed, or until a commit
// fails, and writes a line "worker n revision" for every commit that was
// acknowledged. args: the store's file; "compact" to compact it first; a limit
// on the size of files.
func committer(args []string) error {
	path := args[0]
	if args[1] == "compact" {
		if err := boltstore.Compact(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	if limit, err := strconv.ParseUint(args[2], 10, 64); err != nil {
		return err
	} else if limit > 0 {
		signal.Ignore(syscall.SIGXFSZ) // then writing beyond it is an error
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: limit, Max: limit}); err != nil {
			return err
		}
	}
	st, err := boltstore.Open(path, options())
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	failures := make([]error, workers)
	for w := range workers {
		wg.Go(func() { failures[w] = work(st, w) })
	}
	wg.Wait()
	// The store must still be readable, whatever ended the work.
	_, err = st.List(context.Background(), "", "", 0)
	return errors.Join(errors.Join(failures...), err, st.Close())
}

// work makes the commits of one worker until one fails.
func work(st store.Store, w int) error {
	ctx := context.Background()
	blobs := store.NewBlobs(st, "/blob/")
	n, err := count(ctx, st, countKey(w, "a"))
	if err != nil {
		return err
	}
	for n++; ; n++ {
		v := []byte(strconv.Itoa(n))
		ops := []store.Op{
			store.Put(countKey(w, "a"), v),
			store.Put(entryKey(w, n), entry(w, n)),
			store.Delete(entryKey(w, n-keep)),
			store.Put(countKey(w, "b"), v),
		}
		if w == blobber {
			ref, put, err := blobs.Stage(ctx, blobContent(n))
			if err != nil {
				return err
			}
			ops = append(append(ops, put...), store.Put("/blobref", []byte(ref)))
		}
		rev, err := commitShared(ctx, st, w, ops)
		if err != nil {
			return fmt.Errorf("worker %d, commit %d: %w", w, n, err)
		}
		// One write: a line is there whole or not at all.
		if _, err := fmt.Fprintf(os.Stdout, "%d %d %d\n", w, n, rev); err != nil {
			return err
		}
	}
}

// commitShared commits ops and, for some workers, one more on the counter they
// share.
func commitShared(ctx context.Context, st store.Store, w int, ops []store.Op) (store.Rev, error) {
	if w >= sharers {
		return st.Commit(ctx, nil, ops)
	}
	for {
		kv, err := st.Get(ctx, "/shared")
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return 0, err
		}
		n, _ := strconv.Atoi(string(kv.Value)) // 0 if absent; anything else shows in the check
		next := store.Put("/shared", []byte(strconv.Itoa(n+1)))
		rev, err := st.Commit(ctx, []store.Cond{{Key: "/shared", Rev: kv.Rev}}, append(ops[:len(ops):len(ops)], next))
		if !errors.Is(err, store.ErrConflict) {
			return rev, err
		}
	}
}

func count(ctx context.Context, st store.Store, key string) (int, error) {
	kv, err := st.Get(ctx, key)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(kv.Value))
}

// acks is what the children were told: how far each worker came, and in which
// revision which worker made which commit, of the last child.
type acks struct {
	last [workers]int
	revs map[store.Rev][2]int
}

// read reads what a child writes to its end, and calls each after every line.
func (a *acks) read(t *testing.T, c *child, each func(n int)) int {
	t.Helper()
	a.revs = make(map[store.Rev][2]int)
	lines := 0
	for line, ok := c.line(); ok; line, ok = c.line() {
		var w, n int
		var rev store.Rev
		if _, err := fmt.Sscanf(line, "%d %d %d", &w, &n, &rev); err != nil {
			t.Fatalf("child wrote %q", line)
		}
		a.last[w] = n
		a.revs[rev] = [2]int{w, n}
		lines++
		each(lines)
	}
	return lines
}

// check opens the store after its process died and checks it against what was
// acknowledged.
func (a *acks) check(t *testing.T, path string) {
	t.Helper()
	st, err := boltstore.Open(path, options())
	if err != nil {
		t.Fatalf("start after kill: %v", err)
	}
	defer func() {
		if err := st.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
	}()
	page, err := st.List(t.Context(), "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	have := make(map[string]string, len(page.KVs))
	for _, kv := range page.KVs {
		have[kv.Key] = string(kv.Value)
	}
	sum, shared := 0, 0
	for w := range workers {
		n := a.checkWorker(t, w, have)
		sum += n
		if w < sharers {
			shared += n
		}
	}
	if page.Rev != store.Rev(sum) {
		t.Errorf("the store is at revision %d after %d commits", page.Rev, sum)
	}
	if got, _ := strconv.Atoi(have["/shared"]); got != shared {
		t.Errorf("the shared counter is %d after %d commits", got, shared)
	}
	if ref, ok := have["/blobref"]; ok {
		got, err := store.NewBlobs(st, "/blob/").Get(t.Context(), store.Ref(ref))
		n, _ := strconv.Atoi(have[countKey(blobber, "a")])
		if err != nil || !bytes.Equal(got, blobContent(n)) {
			t.Errorf("the blob of commit %d: %d bytes, %v", n, len(got), err)
		}
	}
	a.checkHistory(t, st, page.Rev)
}

// checkWorker checks the keys of one worker and returns how many commits they
// show.
func (a *acks) checkWorker(t *testing.T, w int, have map[string]string) int {
	t.Helper()
	n, _ := strconv.Atoi(have[countKey(w, "a")]) // absent is 0
	if b, _ := strconv.Atoi(have[countKey(w, "b")]); b != n {
		t.Errorf("worker %d: half a commit: a is %d, b is %d", w, n, b)
	}
	// At most one commit is under way when the process dies.
	if n < a.last[w] || n > a.last[w]+1 {
		t.Errorf("worker %d: acknowledged up to %d, found %d", w, a.last[w], n)
	}
	a.last[w] = n
	for i := max(1, n-keep); i <= n+1; i++ {
		got, ok := have[entryKey(w, i)]
		if want := i > n-keep && i <= n; ok != want || want && got != string(entry(w, i)) {
			t.Errorf("worker %d at %d: entry %d of %d bytes is there: %v", w, n, i, len(got), ok)
		}
	}
	return n
}

// checkHistory checks that the history has no gaps, and that every revision
// that was acknowledged holds the commit it was acknowledged for.
func (a *acks) checkHistory(t *testing.T, st store.Store, newest store.Rev) {
	t.Helper()
	if newest == 0 {
		return
	}
	at := max(0, newest-store.Rev(options().History))
	for b, err := range st.Watch(t.Context(), "", at) {
		if err != nil {
			t.Errorf("history after %d: %v", at, err)
			return
		}
		if at++; b.Rev != at {
			t.Errorf("history has %d after %d", b.Rev, at-1)
		}
		if told, ok := a.revs[b.Rev]; ok {
			w, n := told[0], told[1]
			if first := b.Ops[0]; first.Key != countKey(w, "a") || string(first.Value) != strconv.Itoa(n) {
				t.Errorf("revision %d was acknowledged as commit %d of worker %d, but holds %s=%s", b.Rev, n, w, first.Key, first.Value)
			}
		}
		if at >= newest {
			return
		}
	}
}

// A process that is killed at any moment loses nothing it has acknowledged,
// leaves nothing half done, and the next one starts.
func TestStoreKilled(t *testing.T) {
	kills := killCount(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "store")
	var a acks
	began, acknowledged := time.Now(), 0
	for i := range kills {
		mode := "plain"
		if rng.IntN(8) == 0 {
			mode = "compact"
		}
		c := start(t, "committer", path, mode, "0")
		// Killed after so many acknowledgements and a moment more, or, three in
		// four, some time after its start, if so many have not come by then: it may
		// not have opened the store yet.
		after := 1 + rng.IntN(150)
		limit := time.Duration(rng.IntN(100_000)) * time.Microsecond
		if i%4 == 3 {
			limit = time.Minute // however slow the machine, some come so far as to commit
		}
		alarm := time.AfterFunc(limit, c.kill)
		moment := time.Duration(rng.IntN(2000)) * time.Microsecond
		acknowledged += a.read(t, c, func(n int) {
			if n == after {
				time.AfterFunc(moment, c.kill)
			}
		})
		alarm.Stop()
		var exit interface{ ExitCode() int }
		if err := c.wait(); !errors.As(err, &exit) || exit.ExitCode() != -1 {
			t.Fatalf("seed %d, kill %d: child ended by itself: %v", seed, i, err)
		}
		if a.check(t, path); t.Failed() {
			t.Fatalf("seed %d, kill %d, mode %s", seed, i, mode)
		}
	}
	took := time.Since(began)
	t.Logf("%d kills in %.1f s, %d commits acknowledged, none lost", kills, took.Seconds(), acknowledged)
	if acknowledged == 0 {
		t.Error("no child came so far as to commit")
	}
}

// killCount is GATEHOUSE_KILLS or the default.
func killCount(t *testing.T) int {
	t.Helper()
	v, ok := os.LookupEnv("GATEHOUSE_KILLS")
	if !ok {
		if testing.Short() {
			return shortKills
		}
		return defaultKills
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("GATEHOUSE_KILLS=%q is not a number of kills", v)
	}
	return n
}

// A disk that takes no more fails commits with an error. What was acknowledged
// stays, the store can be read, and goes on once there is room.
func TestStoreDiskFull(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store")
	var a acks
	for _, limit := range []int{2 << 20, 3 << 20, 5 << 20} {
		c := start(t, "committer", path, "plain", strconv.Itoa(limit))
		// Once the file has its final size, it never hits the limit: then the
		// test ends it.
		n := a.read(t, c, func(n int) {
			if n == 5000 {
				c.kill()
			}
		})
		err := c.wait()
		t.Logf("limit %d: %d commits, then %v", limit, n, err)
		if n < 5000 && err == nil {
			t.Errorf("limit %d: the child ended without an error", limit)
		}
		a.check(t, path)
	}
}
