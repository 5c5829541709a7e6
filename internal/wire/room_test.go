package wire_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"gatehouse/internal/wire"
)

// A pipes is a listener whose connections are pipes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	nc, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return nc, nil
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

// TestRoom: for each new connection that there is no room for, one idle
// connection makes way, and not more than one.
func TestRoom(t *testing.T) {
	for range 300 {
		synctest.Test(t, func(t *testing.T) {
			s := &wire.Server{Handler: answer(echo), Limits: wire.Limits{Conns: 2}}
			ln := make(pipes)
			done := make(chan error, 1)
			go func() { done <- s.Serve(context.Background(), ln) }()
			ends := make(chan error, 6)
			var clients []net.Conn
			for range 6 {
				client, server := net.Pipe()
				clients = append(clients, client)
				go func() {
					_, err := client.Read(make([]byte, 1))
					ends <- err
				}()
				ln <- server
			}
			synctest.Wait()
			if n := s.Conns(); n != 2 {
				t.Errorf("%d connections are open after six came, want 2", n)
			}
			for _, c := range clients {
				_ = c.Close()
			}
			for range clients {
				if err := <-ends; !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
					t.Errorf("end of a connection: %v", err)
				}
			}
			close(ln)
			<-done
			_ = s.Shutdown(context.Background())
		})
	}
}
