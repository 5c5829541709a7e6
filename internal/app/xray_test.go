package app

import (
	"context"
	"net"
	"strings"
	"testing"

	"gatehouse/internal/trace"
)

func TestXRayDaemon(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	d, err := openXRay(l.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for range xrayQueue + 5 { // nobody sends yet
		d.Write(&trace.Segment{Name: "a"})
	}
	d.Write(&trace.Segment{Name: strings.Repeat("a", xrayMax)})
	if d.lost() != 6 {
		t.Errorf("%d segments are counted lost, want 6", d.lost())
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	b := make([]byte, 1024)
	n, _, err := l.ReadFrom(b)
	if want := "{\"format\": \"json\", \"version\": 1}\n{\"name\":\"a\",\"id\":\"\",\"start_time\":0}"; err != nil || string(b[:n]) != want {
		t.Errorf("the daemon gets %q, %v; want %q", b[:n], err, want)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
