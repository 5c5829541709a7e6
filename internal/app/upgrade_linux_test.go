package app

import (
	"log/slog"
	"testing"

	"gatehouse/internal/gateway"
	"gatehouse/internal/gateway/wsapi"
	"gatehouse/internal/handover"
)

// A successor that has the stores serves, though the process before dies: nobody else
// would.
func TestOutlives(t *testing.T) {
	for _, heard := range []bool{false, true} { // what the successor has said last
		link, theirs, err := handover.NewLink()
		if err != nil {
			t.Fatal(err)
		}
		log := slog.New(slog.DiscardHandler)
		n := &node{log: log, sockets: wsapi.New(&gateway.Gateway{}, wsapi.Options{Log: log}), sur: Surroundings{Inherited: &handover.Inheritance{Link: link}}}
		dies := make(chan error, 1)
		go func() {
			if heard {
				_, _ = theirs.Read(make([]byte, 1024)) // nothing is read if nothing was said
			}
			dies <- theirs.Close()
		}()
		if err := n.receive(); err != nil {
			t.Errorf("receive: %v", err)
		}
		if err := <-dies; err != nil {
			t.Error(err)
		}
		if err := n.takeOver(); err != nil {
			t.Errorf("takeOver: %v", err)
		}
		_ = link.Close()
	}
}
