package apigatewayv2

import "reflect"

// overlay copies the members of src that are set to those of dst that have the
// same name and type. Both are pointers to shapes. It is how an input of Create
// or Update becomes the thing: AWS changes what an Update names, and nothing
// else.
func overlay(dst, src any) {
	d, s := reflect.ValueOf(dst).Elem(), reflect.ValueOf(src).Elem()
	for i := range s.NumField() {
		from := s.Field(i)
		if from.IsZero() {
			continue
		}
		to := d.FieldByName(s.Type().Field(i).Name)
		if to.IsValid() && to.Type() == from.Type() {
			to.Set(from)
		}
	}
}
