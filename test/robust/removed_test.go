package robust_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// TestDirectoriesRemoved takes each part of the data directory away from a
// running server: a change whose record, or which itself, could not be kept is
// refused by a clear error and not made; all else goes on; requests are served.
func TestDirectoriesRemoved(t *testing.T) {
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	s, err := gatehousetest.Start(t.Context(), bin, data)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	api, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	id, _, err := importAPI(ctx, api, definition("removed", newEcho(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := deploy(ctx, api, id, "0"); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: time.Minute}
	made := "0"
	for _, tt := range []struct{ name, refusal string }{
		{"audit", "cannot write its audit trail, so it changes nothing: its files were removed"},
		{"audit/events", "cannot write its audit trail, so it changes nothing: its files were removed"},
		{"audit/intents/a/tail", "cannot write its audit trail, so it changes nothing: its files were removed"},
		{"store.db", "store file was removed or replaced"},
		{"logs", ""},
		{"metrics", ""},
		{"recordings", ""},
		{"functions", ""},
		{"usage.db", ""},
		{"run.json", ""},
		{"root-credential", ""},
	} {
		name := filepath.Join(data, tt.name)
		away := name + ".away"
		if err := os.Rename(name, away); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		_, err := deploy(ctx, api, id, tt.name)
		switch {
		case tt.refusal == "" && err != nil:
			t.Errorf("%s was removed: a change fails: %v", tt.name, err)
		case tt.refusal != "" && (err == nil || !strings.Contains(err.Error(), tt.refusal)):
			t.Errorf("%s was removed: a change ends with %v; want %q", tt.name, err, tt.refusal)
		}
		if err == nil {
			made = tt.name
		}
		if status, body, err := fetch(ctx, client, s.DataPlane(), id); status != 200 || body != "/"+made || err != nil {
			t.Errorf("%s was removed: a request: %d %q %v, want /%s", tt.name, status, body, err, made)
		}
		if tt.refusal == "" {
			continue
		}
		if err := os.Rename(away, name); err != nil {
			t.Fatal(err)
		}
		if _, err := deploy(ctx, api, id, tt.name+"-back"); err != nil {
			t.Errorf("%s was put back: %v", tt.name, err)
		}
		made = tt.name + "-back"
	}
}
