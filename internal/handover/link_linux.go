package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A Link is one end of what two processes talk over: a Unix socket that keeps
// messages apart. Any number of goroutines may send, one may receive.
type Link struct {
	nc       *net.UnixConn
	patience time.Duration // sendTime, but in tests

	mu     sync.Mutex // guards the field below; held while a message is sent
	broken error      // why nothing is sent any more

	buf []byte // of the one that receives
	oob []byte
}

// NewLink returns both ends of a link: that of another process as a file.
func NewLink() (*Link, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "link")
	own, err := linkOf(os.NewFile(uintptr(fds[0]), "link"))
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	return own, theirs, nil
}

// linkOf makes a link of a socket, which it closes.
func linkOf(f *os.File) (*Link, error) {
	nc, err := net.FileConn(f)
	_ = f.Close() // nc has a copy
	if err != nil {
		return nil, fmt.Errorf("handover: link: %w", err)
	}
	uc, ok := nc.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("handover: the link is no Unix socket"), nc.Close())
	}
	return &Link{nc: uc, patience: sendTime, buf: make([]byte, maxMessage), oob: make([]byte, unix.CmsgSpace(4*maxFiles))}, nil
}

// maxFiles bounds the descriptors that go with a message.
const maxFiles = 1

// sendTime bounds how long the other process may leave messages lying. If it does for
// so long, it is told nothing more: who has much to say is not to wait for each.
const sendTime = 30 * time.Second

// Send says something; the descriptor of conn, if there is one, goes with it. The other
// process then has a copy.
func (l *Link) Send(kind string, body any, conn syscall.Conn) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	if text, err = json.Marshal(Message{kind, text}); err != nil {
		return err
	}
	if len(text) > maxMessage {
		return errTooLong
	}
	if conn == nil {
		return l.write(text, nil)
	}
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	if err := raw.Control(func(fd uintptr) { sent = l.write(text, unix.UnixRights(int(fd))) }); err != nil {
		return err
	}
	return sent
}

func (l *Link) write(text, rights []byte) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken != nil {
		return l.broken
	}
	if err := l.nc.SetWriteDeadline(time.Now().Add(l.patience)); err != nil {
		return err
	}
	_, _, err := l.nc.WriteMsgUnix(text, rights, nil)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		l.broken = fmt.Errorf("handover: the other process takes no messages: %w", err)
	}
	return err
}

// Receive waits for the next message, until the deadline; the zero time is none. f is the
// descriptor that came with it, or nil. io.EOF: the other process has ended, or has
// closed its end.
func (l *Link) Receive(deadline time.Time) (m Message, f *os.File, err error) {
	if err := l.nc.SetReadDeadline(deadline); err != nil {
		return m, nil, err
	}
	n, oobn, flags, _, err := l.nc.ReadMsgUnix(l.buf, l.oob)
	if err != nil {
		return m, nil, err
	}
	if oobn > 0 {
		if f, err = received(l.oob[:oobn]); err != nil {
			return m, nil, err
		}
	}
	switch {
	case n == 0:
		return m, f, io.EOF
	case flags&(unix.MSG_TRUNC|unix.MSG_CTRUNC) != 0:
		err = errTooLong
	default:
		err = json.Unmarshal(l.buf[:n], &m)
	}
	if err != nil && f != nil {
		err = errors.Join(err, f.Close())
	}
	return m, f, err
}

// received is the descriptor among what came beside a message. The net package
// has told the kernel that programs which are started must not have it.
func received(oob []byte) (*os.File, error) {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	var f *os.File
	for i := range list {
		fds, err := unix.ParseUnixRights(&list[i])
		if err != nil {
			continue // something else
		}
		for _, fd := range fds {
			if f != nil {
				_ = unix.Close(fd) // there is one at most
				continue
			}
			f = os.NewFile(uintptr(fd), "")
		}
	}
	return f, nil
}

// Close ends the link: the other process receives io.EOF.
func (l *Link) Close() error { return l.nc.Close() }

// fileOf is an inherited descriptor, which programs that are started must not
// have.
func fileOf(fd int, name string) (*os.File, error) {
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("handover: the descriptor of %s: %w", name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// A Successor is the process that takes this one's place.
type Successor struct {
	*Link
	cmd   *exec.Cmd
	ended chan struct{} // closed when it has ended
}

// A Socket is a copy of a listening socket, to pass on: its name, and its address
// as it was configured.
type Socket struct {
	Name, Addr string
	file       *os.File
}

// Copy copies a listening socket. The copy lives on when l is closed.
func Copy(name, addr string, l net.Listener) (Socket, error) {
	f, err := copyOf(l, name)
	return Socket{name, addr, f}, err
}

// Close closes the copy.
func (s Socket) Close() { _ = s.file.Close() } // nothing was written

// Self is the program that is running, even if its file was replaced meanwhile.
const Self = "/proc/self/exe"

// Start starts a program with sockets, which the caller may close then. What it prints goes where the
// output of this process goes.
func Start(program string, args []string, sockets []Socket) (*Successor, error) {
	link, theirs, err := NewLink()
	if err != nil {
		return nil, err
	}
	defer theirs.Close() //nolint:errcheck // the successor has a copy
	words := []string{strconv.Itoa(os.Getpid())}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{theirs}
	for _, s := range sockets {
		cmd.ExtraFiles = append(cmd.ExtraFiles, s.file)
		words = append(words, s.Name+"="+s.Addr)
	}
	cmd.Env = append(os.Environ(), inheritEnv+"="+strings.Join(words, ","))
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, link.Close())
	}
	s := &Successor{Link: link, cmd: cmd, ended: make(chan struct{})}
	go func() { // ends with the successor, or with this process
		_ = cmd.Wait() // the link tells
		close(s.ended)
	}()
	return s, nil
}

// copyOf copies a socket's descriptor. A copy by its own method File would make
// the socket a blocking one for this process, too, once a program is started with it.
func copyOf(l net.Listener, name string) (*os.File, error) {
	c, ok := l.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("handover: %s is no socket", name)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dup error
	if err := raw.Control(func(from uintptr) { fd, dup = unix.FcntlInt(from, unix.F_DUPFD_CLOEXEC, 0) }); err != nil {
		return nil, err
	}
	if dup != nil {
		return nil, os.NewSyscallError("dup", dup)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// PID is the successor's process id.
func (s *Successor) PID() int { return s.cmd.Process.Pid }

// Kill ends the successor, which has failed, and waits for its end.
func (s *Successor) Kill() {
	_ = s.cmd.Process.Kill() // it may have ended
	<-s.ended
	_ = s.Link.Close() // nobody is left to tell
}
