package usage

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/limit"
)

// FuzzDecode wants damage to be noticed or harmless: what decodes without an
// error is, written again, the same counts; nothing panics.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{recordForm})
	f.Add(encode(map[string]limit.Count{"abcdefghij": {Used: 3, Granted: -7}, "": {Used: 1 << 40}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		counts, err := decode(b)
		if err != nil {
			return
		}
		again, err := decode(encode(counts))
		if diff := cmp.Diff(counts, again); err != nil || diff != "" {
			t.Errorf("written again: %v (-want +got):\n%s", err, diff)
		}
	})
}
