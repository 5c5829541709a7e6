package awsrpc

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// bounds are the least and the greatest value of a number, or length of a text
// or list.
type bounds struct{ min, max int64 }

// parseBounds reads the tag range:"min,max"; either may be missing.
func parseBounds(tag string) (*bounds, error) {
	b := &bounds{math.MinInt64, math.MaxInt64}
	least, most, _ := strings.Cut(tag, ",")
	for _, end := range []struct {
		text string
		to   *int64
	}{{least, &b.min}, {most, &b.max}} {
		if end.text == "" {
			continue
		}
		n, err := strconv.ParseInt(end.text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("range %q: %w", tag, err)
		}
		*end.to = n
	}
	return b, nil
}

// bounds adds what is beyond the bounds of a member.
//
// AWS: "Value '3000000' at 'ephemeralStorage.size' failed to satisfy constraint:
// Member must have value less than or equal to 10240", and of texts "Member must
// have length …", are widely reported of several services.
func (vs *violations) bounds(v reflect.Value, b *bounds, path []string) {
	var n int64
	var shown, what string
	switch v.Kind() {
	case reflect.Int32, reflect.Int64:
		n, what = v.Int(), "value"
		shown = strconv.FormatInt(n, 10)
	case reflect.String:
		n, what, shown = int64(utf8.RuneCountInString(v.String())), "length", v.String()
	case reflect.Slice:
		n, what, shown = int64(v.Len()), "length", listText(v)
	default:
		return
	}
	switch {
	case n < b.min:
		vs.add(shown, path, "Member must have "+what+" greater than or equal to "+strconv.FormatInt(b.min, 10))
	case n > b.max:
		vs.add(shown, path, "Member must have "+what+" less than or equal to "+strconv.FormatInt(b.max, 10))
	}
}
