package gateway_test

import (
	"reflect"
	"testing"
	"time"

	"gatehouse/internal/gateway"
)

// TestReset fills every field of an exchange, the unexported ones too, and
// looks at what Reset leaves.
func TestReset(t *testing.T) {
	x := new(gateway.Exchange)
	v := reflect.ValueOf(x).Elem()
	fill(v)
	x.FillUnexported()
	checkFilled(t, v, "x")
	x.Reset()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		if name == "random" || name == "ids" { // kept on purpose
			continue
		}
		checkEmpty(t, v.Field(i), "x."+name)
	}
}

// fill gives every exported field below v a value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 1)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 4))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
	case reflect.Func:
		v.Set(reflect.MakeFunc(v.Type(), func([]reflect.Value) []reflect.Value { return nil }))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8:
		v.SetUint(1)
	}
}

// checkFilled makes sure that nothing was left out but what is private to other
// packages, whose Reset is their own business.
func checkFilled(t *testing.T, v reflect.Value, path string) {
	if v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]() {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.IsExported() || f.PkgPath == reflect.TypeFor[gateway.Exchange]().PkgPath() {
				checkFilled(t, v.Field(i), path+"."+f.Name)
			}
		}
		return
	}
	if v.IsZero() {
		t.Errorf("%s was not filled", path)
	}
}

// checkEmpty wants v zero; of slices, whose memory is kept, length and all
// elements.
func checkEmpty(t *testing.T, v reflect.Value, path string) {
	switch {
	case v.Kind() == reflect.Slice && v.Len() == 0:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // plain memory
		}
		all := v.Slice(0, v.Cap())
		for i := range all.Len() {
			if !all.Index(i).IsZero() {
				t.Errorf("%s keeps element %d", path, i)
			}
		}
	case v.Kind() == reflect.Struct && !v.IsZero():
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if name == "mem" { // of a wire.Response: its memory
				continue
			}
			checkEmpty(t, v.Field(i), path+"."+name)
		}
	case !v.IsZero():
		t.Errorf("%s is not reset", path)
	}
}
