package store

import (
	"context"
	"fmt"
	"sync"
)

// A Progress is how far somebody who follows a store has come. Its zero value has
// read nothing. It is safe for any number of goroutines.
type Progress struct {
	mu    sync.Mutex    // guards the fields below
	next  Rev           // the revision after the one that was reached
	moved chan struct{} // closed when next rises; nil: nobody waits
}

// Reach notes that everything up to rev has taken effect.
func (p *Progress) Reach(rev Rev) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if rev < p.next {
		return
	}
	p.next = rev + 1
	if p.moved != nil {
		close(p.moved)
		p.moved = nil
	}
}

// Reached returns the revision up to which everything has taken effect, or -1 if
// nothing was read yet.
func (p *Progress) Reached() Rev {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.next - 1
}

// Wait returns when everything up to rev has taken effect, or when ctx ends.
func (p *Progress) Wait(ctx context.Context, rev Rev) error {
	for {
		p.mu.Lock()
		reached := p.next - 1
		if reached >= rev {
			p.mu.Unlock()
			return nil
		}
		if p.moved == nil {
			p.moved = make(chan struct{})
		}
		moved := p.moved
		p.mu.Unlock()
		select {
		case <-ctx.Done():
			return fmt.Errorf("as of revision %d, not of %d: %w", reached, rev, ctx.Err())
		case <-moved:
		}
	}
}
