package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"

	"gatehouse/internal/handover"
)

// An upgrade puts another process into the place of this one. docs/decisions/0018
// tells why it goes in these steps, each of which the link names:
//
//	the successor starts, reads its configuration              prepared
//	this process answers no more calls of the AWS APIs, and
//	closes its stores; requests it goes on serving             yours
//	the successor opens the stores and compiles everything     compiled
//	connections of WebSocket APIs that are idle pass over      passed
//	the successor opens its doors                              serving
//	this process accepts no more, and ends what it has begun
const (
	sayPrepared = "prepared"
	sayYours    = "yours"
	sayCompiled = "compiled"
	sayPassed   = "passed"
	sayServing  = "serving"
)

// How long the other process may take for a step. Opening the stores takes
// seconds where there are millions of records.
const (
	prepareTime = 30 * time.Second
	openTime    = 5 * time.Minute
)

// upgrades puts a successor into the place of this process when it is asked for,
// and calls end when one serves. It returns when ctx ends. Not before alone is closed,
// when the process before has ended: what that passes on has one place to go to.
func (n *node) upgrades(ctx context.Context, alone <-chan struct{}, end func()) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.sur.Upgrade:
		}
		if !n.awaitAlone(ctx, alone) {
			return nil
		}
		n.log.Info("upgrade begins", "program", n.sur.Program)
		sockets, err := n.front.copies(n.cfg)
		if err != nil {
			n.noUpgrade(err)
			continue
		}
		done, err := n.upgrade(ctx, sockets)
		closeCopies(sockets)
		switch {
		case done:
			n.front.ingress.Retire()
			end()
			return nil
		case ctx.Err() != nil:
			return nil
		case n.closed.Load():
			return fmt.Errorf("upgrade: no successor can serve: %w", err)
		}
		n.noUpgrade(err)
	}
}

// awaitAlone returns when alone is closed, or false when ctx ends.
func (n *node) awaitAlone(ctx context.Context, alone <-chan struct{}) bool {
	select {
	case <-alone:
		return true
	default:
	}
	n.log.Info("upgrade waits until the process before has ended", "process", n.predecessor())
	select {
	case <-alone:
	case <-ctx.Done():
	}
	return ctx.Err() == nil
}

// noUpgrade tells that an upgrade failed: the log, and who waits for it.
func (n *node) noUpgrade(why error) {
	n.log.Error("no upgrade, serving on", "error", why)
	n.failedUpgrades++
	n.whyNoUpgrade = why.Error()
	if err := n.running().write(n.cfg.runFile()); err != nil {
		n.log.Error("who asked for the upgrade is not told", "error", err)
	}
}

// upgrade reports whether a successor serves. When ctx ends before, nobody is to.
func (n *node) upgrade(ctx context.Context, sockets []handover.Socket) (bool, error) {
	succ, err := n.start(ctx, n.sur.Program, sockets)
	if err != nil {
		return false, err
	}
	n.front.stopCalls()
	n.functions.host.Hold()
	n.groups.Divert(n.late.add)
	n.giveUp()
	if err = n.handOver(ctx, succ, ""); err != nil && ctx.Err() == nil {
		// The stores are closed: the program of this process opens them again.
		n.log.Error("the successor has failed, starting the old program anew", "error", err)
		why := err.Error()
		if succ, err = n.start(ctx, handover.Self, sockets); err == nil {
			err = n.handOver(ctx, succ, why)
		}
	}
	if err != nil {
		return false, err
	}
	n.late.link <- succ.Link
	n.log.Info("upgrade done, ending what has begun", "successor", succ.PID())
	return true, nil
}

// start starts a successor, and returns when it waits for the stores. If ctx ends
// before, it is killed.
func (n *node) start(ctx context.Context, program string, sockets []handover.Socket) (*handover.Successor, error) {
	succ, err := handover.Start(program, n.sur.Args, sockets)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, succ.Kill)
	defer stop()
	if _, err := hear(succ.Link, sayPrepared, prepareTime); err != nil {
		succ.Kill()
		return nil, err
	}
	return succ, nil
}

// handOver has a successor take over everything but what has begun. If that fails, or
// ctx ends before, the successor is killed. failed is why the program that was asked for
// does not serve, if succ is another one.
func (n *node) handOver(ctx context.Context, succ *handover.Successor, failed string) error {
	stop := context.AfterFunc(ctx, succ.Kill)
	err := n.tellAll(succ, failed)
	if !stop() { // it was killed
		err = errors.Join(ctx.Err(), err)
	}
	if err != nil {
		n.handed.Store(false)
		succ.Kill()
	}
	return err
}

// tellAll goes through the steps with a successor.
func (n *node) tellAll(succ *handover.Successor, failed string) error {
	if err := succ.Send(sayYours, failed, nil); err != nil {
		return err
	}
	if _, err := hear(succ.Link, sayCompiled, openTime); err != nil {
		return err
	}
	n.sockets.Bequeath(heir{succ.Link}, n.cfg.Drain/2)
	if err := succ.Send(sayPassed, nil, nil); err != nil {
		return err
	}
	n.handed.Store(true)
	_, err := hear(succ.Link, sayServing, prepareTime)
	return err
}

// hear waits until the other process says something, and returns what goes with it.
func hear(l *handover.Link, what string, within time.Duration) (body json.RawMessage, err error) {
	m, f, err := l.Receive(time.Now().Add(within))
	if f != nil {
		_ = f.Close() // nobody asked for it
	}
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("the other process has ended: see what it has written")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, fmt.Errorf("the other process has not said %q within %v", what, within)
	case err != nil:
		return nil, err
	case m.Kind != what:
		return nil, fmt.Errorf("the other process says %q instead of %q", m.Kind, what)
	}
	return m.Body, nil
}

// await is the first step of a successor: it returns when the stores are its own.
func (n *node) await() error {
	link := n.link()
	if link == nil {
		return nil
	}
	if err := link.Send(sayPrepared, nil, nil); err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	// The process before may have calls to answer.
	failed, err := hear(link, sayYours, n.cfg.Drain+openTime)
	if err == nil {
		err = json.Unmarshal(failed, &n.whyNoUpgrade)
	}
	if err != nil {
		return fmt.Errorf("upgrade: %w", err)
	}
	if n.whyNoUpgrade != "" {
		n.failedUpgrades = 1
	}
	return nil
}

// receive takes what the process before passes on, once everything is compiled.
func (n *node) receive() error {
	link := n.link()
	if link == nil {
		return nil
	}
	n.sockets.Expect()
	if err := link.Send(sayCompiled, nil, nil); err != nil {
		return n.outlives(err)
	}
	deadline := time.Now().Add(openTime)
	for {
		m, f, err := link.Receive(deadline)
		if err != nil {
			return n.outlives(err)
		}
		if m.Kind == sayPassed {
			return nil
		}
		n.inherit(&m, f)
	}
}

// outlives returns nil if err says that the process before has ended: everything is
// this one's already, and nobody else is there to serve.
func (n *node) outlives(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
		n.log.Error("the process before has ended in the middle of the upgrade, serving without it", "error", err)
		return nil
	}
	return fmt.Errorf("upgrade: %w", err)
}

// takeOver tells the process before that it may go.
func (n *node) takeOver() error {
	if unused := n.sur.Inherited.CloseRest(); len(unused) > 0 {
		n.log.Warn("sockets were inherited that no setting asks for", "names", unused)
	}
	if link := n.link(); link != nil {
		if err := link.Send(sayServing, nil, nil); err != nil {
			return n.outlives(err)
		}
	}
	return nil
}

// aftermath returns when the process before has ended, and does what it has left.
func (n *node) aftermath(ctx context.Context) {
	link := n.link()
	if link == nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = link.Close() })
	defer stop()
	for {
		m, f, err := link.Receive(time.Time{})
		if err != nil {
			if !errors.Is(err, io.EOF) && ctx.Err() == nil {
				n.log.Error("the process before is not heard any more", "error", err)
			}
			break
		}
		n.inherit(&m, f)
	}
	n.sockets.Alone()
	if ctx.Err() == nil { // else the process before may be there still, and the next start takes what it holds
		n.functions.host.Adopt()
	}
}

// predecessor is the id of the process before, or 0.
func (n *node) predecessor() int {
	if n.sur.Inherited == nil {
		return 0
	}
	return n.sur.Inherited.Predecessor
}

// link leads to the process before, or is nil.
func (n *node) link() *handover.Link {
	if n.sur.Inherited == nil {
		return nil
	}
	return n.sur.Inherited.Link
}
