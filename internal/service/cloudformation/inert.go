package cloudformation

import (
	"reflect"

	api "gatehouse/internal/awsapi/cloudformation"
	"gatehouse/internal/awsrpc"
)

// keeps tells whether what a failed operation has done is to stay, as how it is
// deployed says. All modes but the standard one are refused.
//
// AWS: the CDK says STANDARD always.
func keeps(how *api.DeploymentConfig) (bool, error) {
	if how == nil {
		return false, nil
	}
	if mode := str(how.Mode); mode != "" && mode != "STANDARD" {
		return false, awsrpc.Validation("Gatehouse does not support the deployment mode " + mode)
	}
	return isTrue(how.DisableRollback), nil
}

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
