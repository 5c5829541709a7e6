package cloudformation

import "strings"

// failed tells whether a resource is not what its properties say: what made or changed
// it failed, and rollback was disabled.
func (res *resource) failed() bool { return strings.HasSuffix(res.Status, "_FAILED") }

// halfMade tells whether something was made of a resource before that failed. It is
// made anew.
func (res *resource) halfMade() bool {
	return res.failed() && (res.New || res.Old != nil && res.Old.Physical != res.Physical)
}

// left is what a resource has to be changed from, to what next says. After a change
// that failed that is what it was before it, but where next is no change of that: what
// failed may have gone so far.
func (res *resource) left(next map[string]any) map[string]any {
	if !res.failed() || res.Old == nil {
		return res.Properties
	}
	from := map[string]any{}
	for _, m := range []map[string]any{res.Old.Properties, res.Properties} {
		for name := range m {
			v, had := res.Old.Properties[name]
			if same(v, next[name]) {
				v, had = res.Properties[name]
			}
			if had {
				from[name] = v
			}
		}
	}
	return from
}
