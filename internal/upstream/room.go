package upstream

import "sync/atomic"

// A room bounds what several pools have together.
type room struct {
	n   atomic.Int64
	max atomic.Int64 // 0: no bound
}

// take takes a place, if there is one. A nil room has as many as are asked for. Who is
// refused is never counted: over would take that for a room that has become smaller.
func (r *room) take() bool {
	if r == nil {
		return true
	}
	for {
		n, limit := r.n.Load(), r.max.Load()
		if limit > 0 && n >= limit {
			return false
		}
		if r.n.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// over tells whether more is taken than there is.
func (r *room) over() bool {
	if r == nil {
		return false
	}
	limit := r.max.Load()
	return limit > 0 && r.n.Load() > limit
}

// give gives places back.
func (r *room) give(n int) {
	if r != nil {
		r.n.Add(-int64(n))
	}
}
