//go:build !linux

package handover

import (
	"net"
	"os"
	"syscall"
	"time"
)

// A Link is a thing of Linux.
type Link struct{}

func linkOf(*os.File) (*Link, error) { return nil, ErrUnsupported }

func fileOf(int, string) (*os.File, error) { return nil, ErrUnsupported }

// Send reports that there are no links.
func (*Link) Send(string, any, syscall.Conn) error { return ErrUnsupported }

// Receive reports that there are no links.
func (*Link) Receive(time.Time) (Message, *os.File, error) { return Message{}, nil, ErrUnsupported }

// Close does nothing.
func (*Link) Close() error { return nil }

// A Successor is a thing of Linux.
type Successor struct{ *Link }

// A Socket is a copy of a listening socket.
type Socket struct{}

// Copy reports that there is nobody to copy for.
func Copy(string, string, net.Listener) (Socket, error) { return Socket{}, ErrUnsupported }

// Close does nothing.
func (Socket) Close() {}

// Self is the program that is running.
const Self = ""

// Start reports that there are no successors.
func Start(string, []string, []Socket) (*Successor, error) { return nil, ErrUnsupported }

// PID is nothing.
func (*Successor) PID() int { return 0 }

// Kill does nothing.
func (*Successor) Kill() {}
