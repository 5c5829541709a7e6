package upstream

import "sync/atomic"

const (
	// maxRetries bounds the attempts after the first one.
	maxRetries = 5
	// budgetSaved is how many retries a cluster saves up at most, and has at
	// the start: enough for the requests that meet an endpoint in the moment
	// in which it dies.
	budgetSaved = 100
	// retryCost is what a retry costs in units of a request's gain.
	retryCost = 1000
)

// A budget keeps retries in proportion to requests, so that they do not double
// the load of a cluster that fails because of it.
type budget struct {
	gain atomic.Int64 // of each request
	left atomic.Int64
}

func (b *budget) set(share Share) {
	if b.gain.Swap(int64(share.written()*retryCost)) == 0 {
		b.left.Store(budgetSaved * retryCost)
	}
}

// request adds what a request is good for.
func (b *budget) request() {
	if left := b.left.Load(); left < budgetSaved*retryCost {
		b.left.CompareAndSwap(left, left+b.gain.Load()) // lost to another one: who cares
	}
}

// take takes a retry, if there is one.
func (b *budget) take() bool {
	for {
		left := b.left.Load()
		if left < retryCost {
			return false
		}
		if b.left.CompareAndSwap(left, left-retryCost) {
			return true
		}
	}
}
