package ingress

import (
	"time"

	"gatehouse/internal/wire"
)

// Limits bound what one client can make the gateway hold. Those of
// wire.Limits hold for both HTTP versions; zero fields take AWS's figure, or
// the default named.
type Limits struct {
	wire.Limits

	Streams int         // requests at once on an HTTP/2 connection: 128
	Flood   FloodLimits // of HTTP/2
	Drain   time.Duration
}

// setDefaults fills in what is zero.
//
// AWS: URL 10,240 bytes for regional endpoints, request line and headers
// 10,240 bytes together, payload 10,485,760 bytes, idle connection 310 s
// (execution.md §6). The times are ours.
func (l *Limits) setDefaults() {
	setDefault(&l.Head.Target, 10_240)
	setDefault(&l.Head.Header, 10_240)
	setDefault(&l.Head.Fields, 200)
	setDefault(&l.Body, 10_485_760)
	setDefault(&l.BufferedBody, 64<<10)
	setDefault(&l.Conns, 65_536)
	setDefault(&l.Handshake, 10*time.Second)
	setDefault(&l.ReadHead, 10*time.Second)
	setDefault(&l.BodyIdle, 30*time.Second)
	setDefault(&l.ReadBody, 5*time.Minute)
	setDefault(&l.Idle, 310*time.Second)
	setDefault(&l.WriteIdle, 30*time.Second)
	setDefault(&l.Write, 15*time.Minute)
	setDefault(&l.Linger, time.Second)
	setDefault(&l.Streams, 128)
	setDefault(&l.Drain, 30*time.Second)
	l.Flood.setDefaults()
}

func setDefault[T int | int64 | time.Duration](v *T, d T) {
	if *v == 0 {
		*v = d
	}
}
