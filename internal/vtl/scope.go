package vtl

// What a template sees of $context and $stageVariables.

// The groups of $context that templates write.
const (
	requestOverride  = "requestOverride"
	responseOverride = "responseOverride"
)

// scoped returns a member of $context or of a group of a scope. The name may
// be a dotted path.
func (r *run) scoped(v Value, name string) Value {
	scope := r.env.Context
	if v.kind == kindContext {
		switch name {
		case requestOverride:
			return r.override(true)
		case responseOverride:
			return r.override(false)
		}
	} else {
		scope = v.ref.more.scope
		if v.str != "" {
			name = v.str + "." + name
		}
	}
	if scope == nil {
		return Value{}
	}
	found := scope.Lookup(name)
	if found.kind == Group && found.ref == nil {
		return r.group(scope, name)
	}
	return found
}

// override returns a map of overrides, which is made when first asked for.
//
// AWS: requestOverride has the members path, header and querystring,
// responseOverride has header (localstack, test_sqs_amz_json_protocol).
func (r *run) override(request bool) Value {
	if r.env.Overrides == nil {
		r.env.Overrides = &Overrides{}
	}
	r.touched = true
	o := r.env.Overrides
	if o.Request.kind == Null {
		o.Request = silentMap("path", "header", "querystring")
		o.Response = silentMap("header")
	}
	if request {
		return o.Request
	}
	return o.Response
}

func silentMap(members ...string) Value {
	m := newMap()
	m.ref.form = formSilent
	for _, name := range members {
		v := newMap()
		v.ref.form = formSilent
		m.ref.put(NewString(name), v)
	}
	return m
}

// members returns the members of $context or of a group, as a map's.
func (r *run) members(v Value) *object {
	o := &object{}
	scope, path := r.env.Context, ""
	if v.kind == Group {
		scope, path = v.ref.more.scope, v.str
	}
	if scope != nil {
		o.keys = scope.Names(path)
	}
	if v.kind == kindContext {
		o.keys = append(o.keys[:len(o.keys):len(o.keys)], requestOverride, responseOverride)
	}
	o.vals = make([]Value, len(o.keys))
	for i, name := range o.keys {
		o.vals[i] = r.scoped(v, name)
	}
	return o
}
