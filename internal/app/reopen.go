package app

import "context"

// reopen opens log files and certificates again whenever the operator asks for
// it. What cannot be opened stays as it was.
func (n *node) reopen(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.sur.Reopen:
		}
		n.logs.reopen()
		if n.front.keys == nil {
			continue
		}
		if err := n.front.keys.read(); err != nil {
			n.log.Error("certificate not read again, serving the old one", "error", err)
		}
		if n.front.clients == nil {
			continue
		}
		if err := n.front.clients.read(); err != nil {
			n.log.Error("authorities of clients not read again, trusting the old ones", "error", err)
			continue
		}
		n.log.Info("authorities of clients read again")
	}
}
