package cloudformation

import (
	"context"
	"reflect"
	"strings"
	"sync"
)

// takeAway deletes the resources of some kind, what needs others before these. What
// is needed by something that cannot be deleted stays. While that takes anything away,
// it tries again what failed: a deployment goes after the stage that serves it, whatever
// the template said of the two.
//
// AWS: "the stack … retries", with an event for each time.
func (r *runner) takeAway(stop, ctx context.Context, which func(*resource) bool, remove func(name string) error) error {
	for {
		before := len(r.resources)
		err := r.takeOnce(stop, ctx, which, remove)
		if !isFailure(err) || len(r.resources) == before {
			return err
		}
	}
}

func (r *runner) takeOnce(stop, ctx context.Context, which func(*resource) bool, remove func(name string) error) error {
	var mu sync.Mutex // guards the variables below
	kept := map[string]bool{}
	var failed error
	keep := func(res *resource, cause error) {
		mu.Lock()
		defer mu.Unlock()
		for _, needed := range res.Needs {
			kept[needed], kept[needed+spareSuffix] = true, true
		}
		if cause != nil && failed == nil {
			failed = cause
		}
	}
	err := r.each(stop, ctx, r.backwards(which), func(name string) error {
		res := r.get(name)
		mu.Lock()
		stays := kept[name]
		mu.Unlock()
		if stays {
			keep(res, nil)
			return nil
		}
		err := remove(name)
		if isFailure(err) {
			keep(res, err)
			return nil
		}
		return err
	})
	if err == nil {
		err = failed
	}
	return err
}

// take is what a template says of a resource beside its properties.
func (res *resource) take(d *declared) {
	res.Needs, res.RetainOld = d.needs, d.ReplacePolicy == "Retain"
	res.Retain, res.RetainNew = strings.HasPrefix(d.DeletionPolicy, "Retain"), d.DeletionPolicy == "Retain"
	if res.Metadata = ""; d.Metadata != nil {
		res.Metadata = marshalText(d.Metadata)
	}
}

// recall has resources be again what the template that the stack returns to says of
// them beside their properties: what they need, whether they are retained.
func (r *runner) recall(ctx context.Context) error {
	if r.st.Before == nil {
		return nil
	}
	tpl, err := parseTemplate(r.st.Before.text(), func(string) bool { return true })
	if err != nil {
		return err
	}
	for name, d := range tpl.Resources {
		res := r.resources[name]
		if res == nil || res.New {
			continue
		}
		next := *res
		if next.take(d); reflect.DeepEqual(*res, next) {
			continue
		}
		if err := r.s.put(ctx, r.t, r.st.ID, &next); err != nil {
			return err
		}
		r.resources[name] = &next
	}
	return nil
}
