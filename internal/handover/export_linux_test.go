package handover

import "time"

// SetPatience sets how long the other process may leave messages lying.
func (l *Link) SetPatience(d time.Duration) { l.patience = d }
