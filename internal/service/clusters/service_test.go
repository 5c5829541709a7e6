package clusters_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/awsrpc"
	"gatehouse/internal/discovery"
	"gatehouse/internal/service/clusters"
	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

const account = "111122223333"

// A keeper has every cluster, and notes which are off. Changes of the cluster slow
// take until somebody sends to go on.
type keeper struct {
	off  map[string]bool
	goOn chan struct{}
}

func (k *keeper) Has(string) bool           { return true }
func (k *keeper) Knows(string, string) bool { return true }
func (k *keeper) Change(cluster string, ch discovery.Changes) {
	if cluster == "slow" {
		<-k.goOn
	}
	k.off[cluster] = ch.Off
}

// Changes that are taken back while the follower lags behind what the store
// remembers are taken back, and a record that cannot be read keeps no other from
// acting.
func TestRunLagging(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New(memstore.Options{History: 1})
		defer st.Close()
		k := &keeper{off: map[string]bool{}, goOn: make(chan struct{})}
		s := clusters.New(st, account, k, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(awsrpc.WithCaller(t.Context(), awsrpc.Caller{Account: account}))
		defer cancel()
		set := func(cluster string, off bool) {
			t.Helper()
			if _, err := s.UpdateCluster(ctx, &clusters.UpdateClusterInput{Cluster: &cluster, Off: &off}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		check := func(when string, want map[string]bool) {
			t.Helper()
			synctest.Wait()
			if diff := cmp.Diff(want, k.off); diff != "" {
				t.Fatalf("%s: off (-want +got):\n%s", when, diff)
			}
		}
		set("listed", true)
		broken := store.NewTable[discovery.Changes](st, store.Prefix(account, "-", "gatehouse", "cluster")).Key("broken")
		if _, err := st.Commit(ctx, nil, []store.Op{store.Put(broken, []byte("{"))}); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		check("at first", map[string]bool{"listed": true})
		set("watched", true)
		check("followed", map[string]bool{"listed": true, "watched": true})

		set("slow", true)
		set("listed", false)
		set("watched", false)
		set("new", true)
		check("lagging", map[string]bool{"listed": true, "watched": true})
		k.goOn <- struct{}{} // of the watch
		k.goOn <- struct{}{} // of the list that follows
		check("caught up", map[string]bool{"listed": false, "watched": false, "slow": true, "new": true})
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
