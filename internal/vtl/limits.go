package vtl

import (
	"errors"
	"fmt"
	"time"
)

// The limits of a rendering. Templates are written by those who own the API,
// payloads by anybody: whoever exceeds one gets an error, and the node goes on.
const (
	// maxTemplate is AWS's quota for a template's size.
	maxTemplate = 300 << 10
	// maxLoop is AWS's quota for the iterations of one #foreach; the loop
	// ends there without an error, as Velocity's own limit does.
	maxLoop = 1000
	// maxMacroDepth is Velocity's limit for macros within macros.
	maxMacroDepth = 20
	// maxBlockDepth is Velocity's limit for a #define that prints itself.
	maxBlockDepth = 2
	// maxOutput bounds the output: AWS's quota for payloads.
	maxOutput = 10 << 20
	// maxMemory bounds the strings made while rendering.
	maxMemory = 64 << 20
	// maxSteps bounds the nodes and members visited, a second or two of work.
	maxSteps = 5_000_000
	// maxDigits bounds the digits of a BigInteger or BigDecimal.
	maxDigits = 10_000
	// maxNesting bounds the recursion of rendering and printing.
	maxNesting = 600
	// maxSource bounds the nesting of a template's text.
	maxSource = 100
)

var (
	errBreak = errors.New("#break")
	errStop  = errors.New("#stop")
)

// step counts n steps of work.
func (r *run) step(n int) error {
	r.steps -= n
	if r.steps > 0 {
		return nil
	}
	return r.stepSlow()
}

// stepsBetween is how many steps pass between two looks at the clock.
const stepsBetween = 50_000

func (r *run) stepSlow() error {
	r.stepsLeft += min(r.steps, 0) // what was taken beyond
	if r.stepsLeft <= 0 {
		return r.fail(fmt.Sprintf("Template takes more than %d steps", maxSteps))
	}
	if d := r.env.Deadline; !d.IsZero() && time.Now().After(d) {
		return r.fail("Template takes too long")
	}
	r.steps = stepsBetween
	r.stepsLeft -= stepsBetween
	return nil
}

// charge counts a step and bounds what is being written.
func (r *run) charge(dst []byte) error {
	if len(dst)-r.base > maxOutput {
		return r.fail(fmt.Sprintf("Output is larger than %d bytes", maxOutput))
	}
	return r.step(1)
}

// grow counts n bytes of memory that live to the end of the rendering.
func (r *run) grow(n int) error {
	r.memory += n
	if r.memory > maxMemory {
		return r.fail(fmt.Sprintf("Template uses more than %d bytes of memory", maxMemory))
	}
	return r.step(1 + n/256)
}

// enter and leave bound recursion.
func (r *run) enter() error {
	if r.nesting++; r.nesting > maxNesting {
		r.nesting--
		return r.fail("Values or directives are nested too deeply")
	}
	return nil
}

func (r *run) leave() { r.nesting-- }

func (r *run) fail(message string) error { return &RenderError{Line: r.line, Message: message} }
