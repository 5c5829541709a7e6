package upstream

import "sync/atomic"

// A room bounds what several pools have together.
type room struct {
	n   atomic.Int64
	max atomic.Int64 // 0: no bound
}

// take takes a place, if there is one. A nil room has as many as are asked for.
func (r *room) take() bool {
	if r == nil {
		return true
	}
	if n, limit := r.n.Add(1), r.max.Load(); limit > 0 && n > limit {
		r.n.Add(-1)
		return false
	}
	return true
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
