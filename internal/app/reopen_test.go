package app

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestFileWatch(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "below", "ca.pem")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var w fileWatch
	check := func(what string, want bool) {
		t.Helper()
		if got := w.changed(dir, filepath.Join(dir, "none"), ""); got != want {
			t.Errorf("%s: changed = %v", what, got)
		}
		if w.changed(dir, filepath.Join(dir, "none"), "") {
			t.Errorf("%s: changed twice", what)
		}
	}
	check("nothing is there", false)
	must(os.Mkdir(filepath.Dir(name), 0o700))
	check("an empty directory", false)
	must(os.WriteFile(name, []byte("a"), 0o600))
	check("a new file", true)
	must(os.Chtimes(name, time.Time{}, time.Now().Add(time.Hour)))
	check("written again", true)
	must(os.WriteFile(name, []byte("ab"), 0o600))
	check("another size", true)
	must(os.Remove(name))
	check("removed", true)
}
