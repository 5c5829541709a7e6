package ingress

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestFramesInPieces: the heads found do not depend on how the bytes come.
func TestFramesInPieces(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var want []frame
		var stream []byte
		for range rng.IntN(20) {
			f := frame{length: rng.IntN(3) * rng.IntN(300), kind: byte(rng.IntN(12)), flags: byte(rng.IntN(256))}
			want = append(want, f)
			stream = binary.BigEndian.AppendUint32(stream, uint32(f.length)<<8|uint32(f.kind))
			stream = append(stream, f.flags)
			stream = binary.BigEndian.AppendUint32(stream, rng.Uint32())
			stream = append(stream, make([]byte, f.length)...)
		}
		var got []frame
		var s frames
		for len(stream) > 0 {
			n := min(1+rng.IntN(30), len(stream))
			if err := s.scan(stream[:n], func(f frame) error { got = append(got, f); return nil }); err != nil {
				t.Fatal(err)
			}
			stream = stream[n:]
		}
		if !slices.Equal(got, want) {
			t.Fatalf("frames in pieces = %v, want %v", got, want)
		}
		if s.have != 0 || s.skip != 0 {
			t.Fatalf("after whole frames %d bytes of a head and %d of a payload are expected", s.have, s.skip)
		}
	}
}
