package store

import "context"

// A Bundle makes one commit of several edits of one thing, where each alone would
// read it, change it and write it. Who edits in its context holds what it has read
// until Close, which writes it, or drops all.
//
// A bundle belongs to one goroutine, which makes its calls one after the other.
type Bundle struct {
	key  string
	held any
	end  func(ctx context.Context, keep bool) error
}

type bundleKey struct{}

// WithBundle returns a context with a new bundle.
func WithBundle(ctx context.Context) (context.Context, *Bundle) {
	b := &Bundle{}
	return context.WithValue(ctx, bundleKey{}, b), b
}

// BundleOf returns the bundle of ctx for edits of the thing with this key, or nil:
// there is none, or it is for another thing.
func BundleOf(ctx context.Context, key string) *Bundle {
	b, _ := ctx.Value(bundleKey{}).(*Bundle)
	if b == nil || b.end != nil && b.key != key {
		return nil
	}
	return b
}

// Held is what the bundle holds; nil: nothing yet.
func (b *Bundle) Held() any { return b.held }

// Hold keeps v, the thing with this key, for further edits. end is called once, with
// whether the edits are to be kept.
func (b *Bundle) Hold(key string, v any, end func(ctx context.Context, keep bool) error) {
	b.key, b.held, b.end = key, v, end
}

// Close ends the bundle, which can begin again with another thing then. An error of
// the commit, ErrConflict too, means that nothing was kept.
func (b *Bundle) Close(ctx context.Context, keep bool) error {
	end := b.end
	b.key, b.held, b.end = "", nil, nil
	if end == nil {
		return nil
	}
	return end(ctx, keep)
}
