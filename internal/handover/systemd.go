package handover

import (
	"fmt"
	"net"
	"os"
)

// Serving tells systemd, if it has started the process or its predecessors with
// Type=notify, that this process serves now and is the main one: sd_notify(3).
func Serving() error {
	addr := os.Getenv("NOTIFY_SOCKET")
	if addr == "" {
		return nil
	}
	nc, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: addr, Net: "unixgram"}) // a name that begins with @ is one without a file
	if err != nil {
		return fmt.Errorf("handover: tell systemd: %w", err)
	}
	defer nc.Close() //nolint:errcheck // it was told
	if _, err := fmt.Fprintf(nc, "READY=1\nMAINPID=%d\n", os.Getpid()); err != nil {
		return fmt.Errorf("handover: tell systemd: %w", err)
	}
	return nil
}
