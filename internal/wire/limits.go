package wire

import "time"

// Limits bounds what a Server lets clients do. A zero field means its default.
type Limits struct {
	Head HeadLimits

	// Body is the largest request body; beyond: 413. BufferedBody is how much
	// of it is read before the exchange is served.
	Body         int64
	BufferedBody int

	// Conns bounds open connections. When it is reached, idle ones are closed
	// to make room, and new ones wait.
	Conns int

	Handshake time.Duration // for TLS
	ReadHead  time.Duration // from the first byte of a request to the end of its head
	BodyIdle  time.Duration // between two pieces of a request's body
	ReadBody  time.Duration // for a whole request body
	Idle      time.Duration // between two requests
	WriteIdle time.Duration // in which a client must take some of a response
	Write     time.Duration // for a whole response
	Linger    time.Duration // for a client to notice that we are closing
}

// setDefaults fills in what is zero.
func (l *Limits) setDefaults() {
	// AWS: quotas: URL 10,240 bytes, headers in all 20,480 bytes (REST APIs).
	orInt(&l.Head.Target, 10240)
	orInt(&l.Head.Header, 20480)
	orInt(&l.Head.Fields, 200)
	// AWS: quotas: payload 10 MB, which is 10,485,760 bytes in its error text.
	if l.Body == 0 {
		l.Body = 10485760
	}
	orInt(&l.BufferedBody, largeBuffer)
	orInt(&l.Conns, 65536)
	orTime(&l.Handshake, 10*time.Second)
	orTime(&l.ReadHead, 10*time.Second)
	orTime(&l.BodyIdle, 30*time.Second)
	orTime(&l.ReadBody, 5*time.Minute)
	orTime(&l.Idle, 310*time.Second) // AWS: quotas: idle connection 310 s
	orTime(&l.WriteIdle, 30*time.Second)
	orTime(&l.Write, 15*time.Minute) // AWS: quotas: response streaming 15 min
	orTime(&l.Linger, time.Second)
}

func orInt(p *int, def int) {
	if *p == 0 {
		*p = def
	}
}

func orTime(p *time.Duration, def time.Duration) {
	if *p == 0 {
		*p = def
	}
}
