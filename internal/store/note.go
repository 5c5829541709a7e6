package store

import "context"

// noteKey is the context key of what Noting adds.
type noteKey struct{}

// Noting returns a context in which each Update also does what note adds to its
// change, in the same commit. So what is done on behalf of somebody and his note of
// it cannot be torn apart, though who does it knows nothing of the note.
//
// note sees the change as it is about to be committed, and is called again if
// another was faster.
func Noting(ctx context.Context, note func(ctx context.Context, c *Change) error) context.Context {
	return context.WithValue(ctx, noteKey{}, note)
}

// takeNote adds what ctx has to note.
func takeNote(ctx context.Context, c *Change) error {
	note, ok := ctx.Value(noteKey{}).(func(ctx context.Context, c *Change) error)
	if !ok {
		return nil
	}
	return note(ctx, c)
}
