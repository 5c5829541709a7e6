package gateway

import (
	crand "crypto/rand"
	"math/rand/v2"
)

// random makes the numbers for ids and draws: ChaCha8, seeded once per pooled
// exchange from the system's source. It takes no lock and never waits.
type random struct {
	src *rand.ChaCha8
}

func (r *random) uint64() uint64 {
	if r.src == nil {
		r.seed()
	}
	return r.src.Uint64()
}

func (r *random) seed() {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails: it ends the process instead
	r.src = rand.NewChaCha8(seed)
}

// draw returns a number in [0, 100).
func (x *Exchange) draw() float64 {
	return float64(x.random.uint64()>>11) / (1 << 53) * 100
}
