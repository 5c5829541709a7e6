package wsapi

// Watched returns how many connections the hub's poller watches.
func (h *Hub) Watched() int { return h.plain.Poller.Watched() }
