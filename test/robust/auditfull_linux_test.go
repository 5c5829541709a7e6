package robust_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// TestAuditDiskFull fills the disk: changes are refused by a clear error, and
// not made; requests are served; all goes on once there is room.
func TestAuditDiskFull(t *testing.T) {
	dir, s, api, id := onSmallDisk(t)
	ctx := t.Context()
	filler := filepath.Join(dir, "filler")
	err := os.WriteFile(filler, make([]byte, 32<<20), 0o600)
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("the disk is not full: %v", err)
	}
	// The last pages of files may have room for some changes, and the store may
	// fail before the audit does; then nothing was changed either.
	made := "1"
	var refused *gatehousetest.Refusal
	for n := 2; refused == nil || !strings.Contains(refused.Body, "audit"); n++ {
		if n > 50 {
			t.Fatalf("50 changes on a full disk, the last: %v", err)
		}
		if refused != nil && (refused.Status != http.StatusServiceUnavailable || !strings.Contains(refused.Body, "no space left")) {
			t.Fatalf("a change on a full disk: %v", err)
		}
		next := fmt.Sprint(n)
		if _, err = deploy(ctx, api, id, next); err == nil {
			made = next
		} else if !errors.As(err, &refused) {
			t.Fatal(err)
		}
	}
	if !strings.Contains(refused.Body, "cannot write its audit trail, so it changes nothing: there is no space left") {
		t.Errorf("a change on a full disk: %v", err)
	}
	client := &http.Client{Timeout: time.Minute}
	if status, body, err := fetch(ctx, client, s.DataPlane(), id); status != 200 || body != "/"+made || err != nil {
		t.Errorf("a request on a full disk: %d %q %v", status, body, err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if _, err := deploy(ctx, api, id, "last"); err != nil {
		t.Errorf("a change once there is room: %v", err)
	}
}

// onSmallDisk starts a server whose data have a disk of 24 MB of their own at dir,
// and deploys an API of one echo to it.
func onSmallDisk(t *testing.T) (dir string, s *gatehousetest.Server, api *gatehousetest.Client, id string) {
	dir = t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("no disk to fill: %v (needs root)", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err = gatehousetest.Start(t.Context(), bin, filepath.Join(dir, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	api, err = s.Client()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	id, _, err = importAPI(ctx, api, definition("full", newEcho(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deploy(ctx, api, id, "1"); err != nil {
		t.Fatal(err)
	}
	return dir, s, api, id
}
