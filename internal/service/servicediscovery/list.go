package servicediscovery

import (
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
)

// The sizes of pages.
//
// AWS: MaxResults is 1 to 100, and 100 if it is left out.
const maxPage = 100

// page cuts the piece out of all that a caller asked for.
func page[T any](all []T, id func(*T) string, token *string, limit *int32) ([]T, *string, error) {
	n := maxPage
	if limit != nil {
		n = int(*limit)
	}
	if n < 1 || n > maxPage {
		return nil, nil, bad("MaxResults must be between 1 and 100")
	}
	items, next, ok := awsrpc.Page(all, id, token, n)
	if !ok {
		return nil, nil, bad("The NextToken is not valid")
	}
	return items, next, nil
}

// matchesAll tells whether all filters match.
func matchesAll[F any](filters []F, match func(*F) (bool, error)) (bool, error) {
	for i := range filters {
		if ok, err := match(&filters[i]); err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// matches tells whether one filter does.
func matches(condition *string, values []string, got string) (bool, error) {
	switch c := str(condition); {
	case len(values) == 0:
		return false, bad("A filter has no values")
	case c == "IN":
		return slices.Contains(values, got), nil
	case c == "BETWEEN":
		return len(values) == 2 && values[0] <= got && got <= values[1], nil
	case len(values) > 1:
		return false, bad("The condition of a filter takes one value")
	case c == "" || c == "EQ":
		return values[0] == got, nil
	case c == "BEGINS_WITH":
		return strings.HasPrefix(got, values[0]), nil
	default:
		return false, bad("Unknown condition " + c)
	}
}
