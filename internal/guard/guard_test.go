package guard

import (
	"errors"
	"strings"
	"testing"
)

func TestDo(t *testing.T) {
	plain := errors.New("plain")
	if err := Do(func() error { return plain }); err != plain { //nolint:errorlint // the very one
		t.Errorf("error %v, want the one of the work", err)
	}
	err := Do(func() error { panic("broken") })
	var p *Panic
	if !errors.As(err, &p) || p.Value != "broken" || !strings.Contains(err.Error(), "guard_test.go") {
		t.Errorf("error %v, want the panic with its place", err)
	}
	if err := Do(func() error { return nil }); err != nil {
		t.Errorf("error %v of work that went well", err)
	}
}
