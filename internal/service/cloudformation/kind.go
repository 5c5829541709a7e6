package cloudformation

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/guard"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A kind is a type of resource: a row of the table in resources.go.
type kind struct {
	Type    string
	service string // that is called

	// props are the properties of the type. One with ! cannot be changed: a
	// change replaces the resource. One with # is a document: an object of it
	// is passed as JSON text. One with @ is a list of tags, passed as a map. One
	// with % holds changes of responses, which templates write as lists.
	props  string
	rename map[string]string // properties that the API calls otherwise

	create, update, remove string // operations
	ref                    string // member of the output that Ref gives; "": Prop below
	prop                   string // property that Ref gives
	under                  string // properties that name what it belongs to
	key                    string // the id, in inputs of update and delete
	attrs                  string // "Name=member" of the output; without member: Ref
	named                  string // property that gets a name when it has none
	alnum                  bool   // letters and digits only are in that name

	patches []patch // update by patch operations; see patch.go

	names  func(w *worker) (map[string]any, error)            // instead of under and key
	stale  func(ctx context.Context, w *worker) (bool, error) // there is a change, though not of properties
	undoes func(ctx context.Context, w *worker) error         // instead of update, to what was before the operation
	settle func(ctx context.Context, w *worker) error         // when nothing can be undone any more

	reads func(ctx context.Context, w *worker) (map[string]any, error) // what it is now, as templates write it; see drift.go

	made   func(ctx context.Context, w *worker, out map[string]any) error // after create
	makes  func(ctx context.Context, w *worker) error                     // instead of create
	turns  func(ctx context.Context, w *worker) error                     // instead of update
	ends   func(ctx context.Context, w *worker) error                     // instead of delete
	always bool                                                           // any change replaces
}

// A worker makes the calls for one resource.
type worker struct {
	s       *Service
	t       tables
	stack   *stack
	kind    *kind
	logical string

	id         string // physical; set by who creates, at once
	attributes map[string]any
	noEcho     bool // attributes are not to be shown
	props, old map[string]any

	beside []resource // of the stack; of who looks for drift

	deed string // under which calls are noted; "": they are not
	run  *runner

	bundled bool                  // in bundle
	keep    func(c *store.Change) // adds the record of a new resource, with its physical id as it is now
}

func (r *runner) worker(res *resource, props, old map[string]any) *worker {
	logical, _, _ := strings.Cut(res.Logical, "/")
	attributes := maps.Clone(res.Attributes)
	if attributes == nil {
		attributes = map[string]any{}
	}
	return &worker{s: r.s, t: r.t, stack: r.st, kind: r.s.kindOf(res.Type), logical: logical,
		id: res.Physical, attributes: attributes, props: props, old: old, run: r}
}

// kindOf returns the row of a type, or one that does nothing.
func (s *Service) kindOf(name string) *kind {
	if k := s.kinds[name]; k != nil {
		return k
	}
	if isCustom(name) && !slices.Contains(s.opt.Inert, name) {
		k := *s.kinds[customType]
		k.Type = name
		return &k
	}
	return &kind{Type: name, makes: makeInert, turns: nothing, ends: nothing, props: "*"}
}

// makeInert gives what does nothing a name and an ARN, as policies of others ask
// for it.
func makeInert(_ context.Context, w *worker) error {
	w.id = w.physicalName(255)
	parts := strings.Split(strings.ToLower(w.kind.Type), "::")
	w.attributes["Arn"] = arn.ARN{Partition: partition(w.t.region), Service: parts[min(1, len(parts)-1)], Region: w.t.region, Account: w.t.account,
		Resource: parts[len(parts)-1] + "/" + w.id}.String()
	return nil
}

func nothing(context.Context, *worker) error { return nil }

// call calls an operation of the kind's service.
func (w *worker) call(ctx context.Context, operation string, in map[string]any) (map[string]any, error) {
	if !w.bundled {
		w.s.calls <- struct{}{}
		defer func() { <-w.s.calls }()
	}
	return w.s.opt.API.Call(w.noting(ctx), w.kind.service, operation, in)
}

// maxBundles bounds how often calls that belong together are made again because
// somebody has changed meanwhile what they are about.
const maxBundles = 20

// bundle makes calls of which all take effect or none, by one commit. What they are
// about may be locked from the first to the last, so all of them count as one.
func (w *worker) bundle(ctx context.Context, calls func(ctx context.Context) error) error {
	w.s.calls <- struct{}{}
	w.bundled = true
	defer func() { w.bundled = false; <-w.s.calls }()
	for try := 0; ; try++ {
		inside, b := store.WithBundle(ctx)
		err := guard.Do(func() error { return calls(inside) })
		closed := b.Close(w.noting(ctx), err == nil)
		if err != nil {
			return err
		}
		if !errors.Is(closed, store.ErrConflict) || try == maxBundles {
			return closed
		}
	}
}

// text is a property that is a text.
func (w *worker) text(name string) string {
	s, _ := textOf(w.props[name])
	return s
}

// physicalName makes a name out of those of stack and resource.
//
// AWS: "MyStack-MyResource-1ABCDEFGHIJKL".
func (w *worker) physicalName(longest int) string {
	const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, 12)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alnum[int(b[i])%len(alnum)]
	}
	name := str(w.stack.StackName) + "-" + w.logical
	return name[:min(len(name), longest-13)] + "-" + string(b)
}

// property is what a row says about a property.
func (k *kind) property(name string) (flags string, ok bool) {
	if k.props == "*" {
		return "", true
	}
	for p := range strings.FieldsSeq(k.props) {
		if bare := strings.TrimRight(p, "!#@%"); bare == name {
			return p[len(bare):], true
		}
	}
	return "", false
}

// replaces tells whether a change cannot be made in place.
func (k *kind) replaces(old, props map[string]any) bool {
	for _, m := range []map[string]any{old, props} {
		for name := range m {
			if flags, _ := k.property(name); !same(old[name], props[name]) && (k.always || strings.Contains(flags, "!")) {
				return true
			}
		}
	}
	return false
}

// check refuses properties that the type does not have.
//
// AWS: the words of the schema check of resource types.
func (k *kind) check(props map[string]any) error {
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if _, ok := k.property(name); !ok {
			return awsrpc.Validation("Properties validation failed for resource with message:\n[#: extraneous key [" + name + "] is not permitted]")
		}
	}
	return nil
}

// input makes members of an input from properties.
func (k *kind) input(props map[string]any) (map[string]any, error) {
	if err := k.check(props); err != nil {
		return nil, err
	}
	in := make(map[string]any, len(props))
	for name, v := range props {
		flags, _ := k.property(name)
		if _, isText := v.(string); strings.Contains(flags, "#") && !isText {
			v = marshalText(v)
		}
		if strings.Contains(flags, "@") {
			tags, err := tagMap(v)
			if err != nil {
				return nil, err
			}
			v = tags
		}
		if strings.Contains(flags, "%") {
			var err error
			if v, err = responseChanges(v); err != nil {
				return nil, err
			}
		}
		if other, ok := k.rename[name]; ok {
			name = other
		}
		in[name] = v
	}
	return in, nil
}

// tagMap makes a map of a list of tags.
func tagMap(v any) (map[string]any, error) {
	list, ok := v.([]any)
	if !ok {
		return nil, awsrpc.Validation("#/Tags: expected type: JSONArray")
	}
	m := map[string]any{}
	for _, e := range list {
		tag, _ := e.(map[string]any)
		key, isText := textOf(tag["Key"])
		if !isText {
			return nil, awsrpc.Validation("#/Tags: required key [Key] not found")
		}
		m[key] = tag["Value"]
	}
	return m, nil
}

// responseChanges makes maps of the changes of responses, by status code. What has
// another form is left for the API to judge.
//
// AWS: templates write {"200": {"ResponseParameters": [{"Destination": …,
// "Source": …}]}} where the API has {"200": {destination: source}}.
func responseChanges(v any) (any, error) {
	codes, ok := v.(map[string]any)
	if !ok {
		return v, nil
	}
	out := map[string]any{}
	for code, members := range codes {
		listed, ok := asMembers(members)["ResponseParameters"].([]any)
		if !ok {
			out[code] = members // as the API has it
			continue
		}
		changes := map[string]any{}
		for _, e := range listed {
			change := asMembers(e)
			to, isText := textOf(change["Destination"])
			from, hasSource := change["Source"]
			if !isText || !hasSource {
				return nil, awsrpc.Validation("#/ResponseParameters/" + code + "/ResponseParameters: required keys [Destination, Source] not found")
			}
			changes[to] = from
		}
		out[code] = changes
	}
	return out, nil
}

// create makes the resource.
func (k *kind) make(ctx context.Context, w *worker) (map[string]any, error) {
	in, err := k.input(w.props)
	if err != nil {
		return nil, err
	}
	if k.named != "" && in[k.member(k.named)] == nil {
		name := w.physicalName(64)
		if k.alnum {
			name = strings.ReplaceAll(name, "-", "")
		}
		in[k.member(k.named)] = name
	}
	return w.call(ctx, k.create, in)
}

// member is what the API calls a property.
func (k *kind) member(property string) string {
	if other, ok := k.rename[property]; ok {
		return other
	}
	return property
}

func (k *kind) take(w *worker, out map[string]any) {
	if k.prop != "" {
		w.id = w.text(k.prop)
	} else if id, ok := textOf(out[k.ref]); ok {
		w.id = id
	}
	for pair := range strings.FieldsSeq(k.attrs) {
		name, member, has := strings.Cut(pair, "=")
		if !has {
			w.attributes[name] = w.id
		} else if v, ok := out[member]; ok {
			w.attributes[name] = v
		}
	}
}

func (k *kind) doCreate(ctx context.Context, w *worker) error {
	if err := w.resolve(ctx); err != nil {
		return err
	}
	if err := k.check(w.props); err != nil {
		return err
	}
	if err := k.createOne(ctx, w); err != nil {
		return err
	}
	return k.markOwned(ctx, w)
}

func (k *kind) createOne(ctx context.Context, w *worker) error {
	if k.makes != nil {
		return k.makes(ctx, w)
	}
	out, err := k.make(ctx, w)
	if err != nil {
		return err
	}
	k.take(w, out)
	if k.made != nil {
		return k.made(ctx, w, out)
	}
	return nil
}

// where names the resource in inputs.
func (k *kind) where(w *worker) (map[string]any, error) {
	if k.names != nil {
		return k.names(w)
	}
	in := map[string]any{}
	for name := range strings.FieldsSeq(k.under) {
		if v, ok := w.props[name]; ok {
			in[k.member(name)] = v
		}
	}
	if k.key != "" {
		in[k.key] = w.id
	}
	return in, nil
}

func (k *kind) doUpdate(ctx context.Context, w *worker) error {
	if err := w.resolve(ctx); err != nil {
		return err
	}
	if err := k.check(w.props); err != nil {
		return err
	}
	switch {
	case k.turns != nil:
		return k.turns(ctx, w)
	case k.patches != nil:
		return k.patchUpdate(ctx, w)
	case k.update == "":
		return awsrpc.Validation("Update of " + k.Type + " in place is not supported")
	}
	return k.put(ctx, w)
}

// put changes the resource by its operation.
func (k *kind) put(ctx context.Context, w *worker) error {
	in, err := k.input(w.props)
	if err != nil {
		return err
	}
	// What is no longer said is emptied: the operation leaves alone what it is
	// not given.
	gone, err := k.input(without(w.old, w.props))
	if err != nil {
		return err
	}
	for name, v := range gone {
		in[name] = emptyOf(v)
	}
	for name := range in {
		for p := range strings.FieldsSeq(k.props) {
			bare := strings.TrimRight(p, "!#@%")
			if k.member(bare) == name && (strings.Contains(p, "!") || bare == "Tags") {
				delete(in, name)
			}
		}
	}
	at, err := k.where(w)
	if err != nil {
		return err
	}
	maps.Copy(in, at)
	out, err := w.call(ctx, k.update, in)
	if err != nil {
		return err
	}
	k.take(w, out)
	return k.retag(ctx, w)
}

// without are the members of a that b does not have.
func without(a, b map[string]any) map[string]any {
	m := map[string]any{}
	for name, v := range a {
		if _, has := b[name]; !has {
			m[name] = v
		}
	}
	return m
}

func emptyOf(v any) any {
	switch v.(type) {
	case map[string]any:
		return map[string]any{}
	case []any:
		return []any{}
	case bool:
		return false
	}
	return ""
}

func (k *kind) doDelete(ctx context.Context, w *worker) error {
	if err := w.resolve(ctx); err != nil {
		return err
	}
	if k.ends != nil {
		return k.ends(ctx, w)
	}
	in, err := k.where(w)
	if err != nil {
		return err
	}
	_, err = w.call(ctx, k.remove, in)
	return err
}

// isGone tells whether a call failed because nothing was there.
func isGone(err error) bool {
	var e *awsrpc.Error
	return errors.As(err, &e) && slices.Contains([]string{"NotFoundException", "NoSuchEntity", "ResourceNotFoundException", "ResourceNotFound", "NamespaceNotFound", "ServiceNotFound", "InstanceNotFound",
		"NoSuchBucket", "NoSuchBucketPolicy", "TrailNotFoundException"}, e.Code)
}

// describe words a failure of a resource.
//
// AWS: `Resource handler returned message: "…" (RequestToken: …, HandlerErrorCode: …)`.
func (s *Service) describe(typ string, err error) string {
	if stated, ok := errors.AsType[statedError](err); ok {
		return stated.Error()
	}
	var e *awsrpc.Error
	if !errors.As(err, &e) {
		s.opt.Log.Error("resource failed", "type", typ, "error", err)
		return "Resource handler returned message: \"Internal failure\" (RequestToken: " + record.NewUUID() + ", HandlerErrorCode: InternalFailure)"
	}
	if e.Code == "ValidationException" && strings.HasPrefix(e.Message, "Properties validation failed") {
		return e.Message
	}
	code := "GeneralServiceException"
	switch {
	case isGone(err):
		code = "NotFound"
	case e.Code == "ConflictException", e.Code == "EntityAlreadyExists", e.Code == "ResourceConflictException", e.Code == "AlreadyExists":
		code = "AlreadyExists"
	case strings.HasPrefix(e.Code, "AccessDenied"):
		code = "AccessDenied"
	case e.Status == 400:
		code = "InvalidRequest"
	}
	service := strings.Split(typ, "::")
	return fmt.Sprintf("Resource handler returned message: %q (RequestToken: %s, HandlerErrorCode: %s)",
		fmt.Sprintf("%s (Service: %s, Status Code: %d, Error Code: %s)", e.Message, service[min(1, len(service)-1)], e.Status, e.Code), record.NewUUID(), code)
}

func partition(region string) string { return arn.Partition(region) }
