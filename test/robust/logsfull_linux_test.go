package robust_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// TestLogsDiskFull fills the disk with logs: requests are served all the same,
// PutLogEvents says that it cannot, lines are dropped and counted, what was
// answered for stays, and all goes on once there is room.
func TestLogsDiskFull(t *testing.T) {
	_, s, api, id := onSmallDisk(t)
	ctx := t.Context()
	f := &filler{api: api, group: "/full"}
	if err := f.make(ctx); err != nil {
		t.Fatal(err)
	}
	var refused *gatehousetest.Refusal
	for n := 0; refused == nil; n++ {
		if err := f.put(ctx); err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if n > 200 {
			t.Fatal("200 MB of noise fit on 24 MB")
		}
	}
	if refused.Status != http.StatusServiceUnavailable || !strings.Contains(refused.Body, "no space left on device") {
		t.Errorf("PutLogEvents on a full disk answers %v", refused)
	}
	for range 100 {
		if status, body, err := fetch(ctx, &http.Client{Timeout: time.Minute}, s.DataPlane(), id); status != 200 || body != "/1" || err != nil {
			t.Fatalf("a request while the disk is full: %d %q %v", status, body, err)
		}
	}
	if n := f.count(ctx, t); n < f.taken {
		t.Errorf("%d events are left, %d were answered for", n, f.taken)
	}
	// Another group's events go, and there is room again.
	old := f.group
	f.group, f.taken = "/other", 0
	if err := api.Logs(ctx, "DeleteLogGroup", map[string]any{"logGroupName": old}, nil); err != nil {
		// The store is on the same disk: it may need a moment's room.
		t.Logf("deleting the group: %v", err)
	}
	wait(t, 2*time.Minute, func() error {
		if err := f.make(ctx); err != nil {
			return err
		}
		return f.put(ctx)
	})
}

// A filler puts events that cannot be compressed into a group.
type filler struct {
	api   *gatehousetest.Client
	group string
	taken int
}

func (f *filler) make(ctx context.Context) error {
	err := f.api.Logs(ctx, "CreateLogGroup", map[string]any{"logGroupName": f.group}, nil)
	if err := f.api.Logs(ctx, "CreateLogStream", map[string]any{"logGroupName": f.group, "logStreamName": "s"}, nil); err == nil || strings.Contains(err.Error(), "already exists") {
		return nil
	}
	return err
}

func (f *filler) put(ctx context.Context) error {
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	var events []map[string]any
	for range 200 {
		b := make([]byte, 4000)
		for i := range b {
			b[i] = alphabet[rand.IntN(64)]
		}
		events = append(events, map[string]any{"timestamp": time.Now().UnixMilli(), "message": string(b)})
	}
	err := f.api.Logs(ctx, "PutLogEvents", map[string]any{"logGroupName": f.group, "logStreamName": "s", "logEvents": events}, nil)
	if err == nil {
		f.taken += len(events)
	}
	return err
}

// count returns how many events the group has.
func (f *filler) count(ctx context.Context, t *testing.T) int {
	n := 0
	in := map[string]any{"logGroupName": f.group}
	for {
		var out struct {
			Events    []struct{ Message string }
			NextToken string
		}
		if err := f.api.Logs(ctx, "FilterLogEvents", in, &out); err != nil {
			t.Fatal(fmt.Errorf("read events: %w", err))
		}
		n += len(out.Events)
		if out.NextToken == "" {
			return n
		}
		in["nextToken"] = out.NextToken
	}
}
