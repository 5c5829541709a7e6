// Package guard keeps the process alive where work that users provoke is done in
// the background: a panic there would end the server, and at its next start,
// upon the same work, end it again.
package guard

import (
	"fmt"
	"runtime/debug"
)

// A Panic is an error that a panic was made into.
type Panic struct {
	Value any
	Stack []byte
}

// Error tells what was panicked with, and where.
func (p *Panic) Error() string { return fmt.Sprintf("panic: %v\n%s", p.Value, p.Stack) }

// Do calls work and returns its error, or a *[Panic].
func Do(work func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &Panic{v, debug.Stack()}
		}
	}()
	return work()
}
