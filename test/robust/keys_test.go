package robust_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
	"gatehouse/internal/store/boltstore"
	"gatehouse/test/gatehousetest"
)

var startKeys = flag.Int("startkeys", 1_000_000, "keys in the store of BenchmarkStartWithKeys")

// BenchmarkStartWithKeys starts the binary on a store with a million API keys
// in one usage plan: how long until it serves, and the memory of each key.
func BenchmarkStartWithKeys(b *testing.B) {
	bin, err := gatehousetest.Build("../..", b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	empty, full := filepath.Join(b.TempDir(), "data"), filepath.Join(b.TempDir(), "data")
	none := startOn(b, bin, empty)
	before := resident(b, none.PID())
	none.Kill()
	if err := fill(full, *startKeys); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		s := startOn(b, bin, full)
		b.StopTimer()
		b.ReportMetric(float64(resident(b, s.PID())-before)/float64(*startKeys), "B-resident/key")
		if err := s.Stop(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

func startOn(b *testing.B, bin, data string) *gatehousetest.Server {
	b.Helper()
	s, err := gatehousetest.Start(context.Background(), bin, data)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Kill)
	return s
}

// resident is the memory of a process that is its own: pages of its store's
// file are not.
func resident(b *testing.B, pid int) int {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip(err)
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); f[0] == "RssAnon:" {
			kb, err := strconv.Atoi(f[1])
			if err != nil {
				b.Fatal(err)
			}
			return kb << 10
		}
	}
	b.Skip("no RssAnon")
	return 0
}

// fill writes a store with n keys in one plan, as the service would.
func fill(data string, n int) error {
	ctx := context.Background()
	if err := os.MkdirAll(data, 0o700); err != nil {
		return err
	}
	st, err := boltstore.Open(filepath.Join(data, "store.db"), boltstore.Options{})
	if err != nil {
		return err
	}
	defer st.Close()
	t := record.In(st, store.NewBlobs(st, "/"), record.Scope{Account: "000000000000", Region: "us-east-1"})
	plan, err := t.UsagePlans.Put("plan01", record.UsagePlan{UsagePlan: api.UsagePlan{Id: new("plan01"), Name: new("all")}})
	if err != nil {
		return err
	}
	if _, err := st.Commit(ctx, nil, []store.Op{plan}); err != nil {
		return err
	}
	const together = 33 // keys in a commit of at most 100 operations
	var g errgroup.Group
	g.SetLimit(64) // side by side: they share the disk's flushes
	for from := 0; from < n; from += together {
		g.Go(func() error {
			var ops []store.Op
			for i := from; i < min(from+together, n); i++ {
				key, err := keyOps(t, i)
				if err != nil {
					return err
				}
				ops = append(ops, key...)
			}
			_, err := st.Commit(ctx, nil, ops)
			return err
		})
	}
	return g.Wait()
}

func keyOps(t record.Tables, i int) ([]store.Op, error) {
	now := time.Unix(1.7e9, 0)
	id, value := fmt.Sprintf("%010x", i), fmt.Sprintf("%040x", i*7919)
	sum := sha256.Sum256([]byte(value))
	key, err := t.APIKeys.Put(id, record.APIKey{Created: now, ApiKey: api.ApiKey{Id: &id, Value: &value, Name: new("key " + id),
		Enabled: new(true), CreatedDate: &now, LastUpdatedDate: &now, StageKeys: []string{}}})
	if err != nil {
		return nil, err
	}
	reserved, err := t.APIKeyValues.Put(hex.EncodeToString(sum[:]), record.APIKeyValue{APIKey: id})
	if err != nil {
		return nil, err
	}
	member, err := t.UsagePlanKeys.Put(store.ID("plan01", id), record.UsagePlanKey{UsagePlan: "plan01", APIKey: id, Type: "API_KEY", Created: now})
	return []store.Op{key, reserved, member}, err
}
