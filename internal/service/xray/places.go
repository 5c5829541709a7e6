package xray

import (
	"sync"

	"gatehouse/internal/record"
)

// mostPlaces is how many traces are known at a time: those of the last seconds.
// A segment of an older one belongs where its daemon is.
const mostPlaces = 8192

// places knows where traces belong that go on: segments that functions send by
// UDP do not tell. The zero value knows none.
type places struct {
	mu    sync.Mutex // guards the fields below
	known map[string]record.Scope
	order [mostPlaces]string
	next  int
}

func (p *places) note(traceID string, scope record.Scope) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known == nil {
		p.known = make(map[string]record.Scope)
	}
	if _, ok := p.known[traceID]; !ok {
		delete(p.known, p.order[p.next])
		p.order[p.next] = traceID
		p.next = (p.next + 1) % mostPlaces
	}
	p.known[traceID] = scope
}

func (p *places) of(traceID string) (record.Scope, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	scope, ok := p.known[traceID]
	return scope, ok
}

// Began notes where a trace belongs of which more may come.
func (s *Service) Began(traceID, account, region string) {
	s.places.note(traceID, record.Scope{Account: account, Region: region})
}
