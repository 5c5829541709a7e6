package cloudformation

import (
	"reflect"

	"gatehouse/internal/awsrpc"
)

// refuseMembers refuses an input, a pointer to a shape, with one of these members
// set: they would have no effect here. False is as good as not set.
func refuseMembers(in any, names ...string) error {
	v := reflect.ValueOf(in).Elem()
	for _, name := range names {
		f := v.FieldByName(name)
		if f.IsZero() || f.Kind() == reflect.Pointer && f.Elem().Kind() == reflect.Bool && !f.Elem().Bool() {
			continue
		}
		return awsrpc.Validation("Gatehouse does not support the parameter " + name)
	}
	return nil
}
