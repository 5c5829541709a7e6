package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/internal/rollup"
)

// maxFound is how many metrics a search finds.
//
// AWS: "a SEARCH expression returns up to 500 time series".
const maxFound = 500

// search is SEARCH('{Namespace,Dimension} terms', 'Statistic', period).
func (s *Service) search(ctx context.Context, e *evaluation, q *query, args []result) ([]*series, error) {
	if args[0].kind != isText || args[1].kind != isText {
		return nil, errors.New("it takes a text, the name of a statistic and a period")
	}
	st, ok := parseStat(args[1].text)
	if !ok {
		return nil, fmt.Errorf("%s is no statistic", args[1].text)
	}
	period := q.periodOr(5 * time.Minute)
	if len(args) == 3 {
		if args[2].kind != isNumber || checkPeriod(int32(args[2].number)) != nil {
			return nil, errors.New("the period is a multiple of 60")
		}
		period = time.Duration(args[2].number) * time.Second
	}
	match, err := parseSearch(args[0].text)
	if err != nil {
		return nil, err
	}
	var found []*query
	at := e.place
	s.points.List(at.account, at.region, e.from, func(l *rollup.Listed) bool {
		if match.of(l) && !slices.ContainsFunc(found, func(o *query) bool { return o.metric == l.Name && sameSource(o.source, &l.Source) }) {
			found = append(found, &query{id: q.id, label: searchLabel(l), source: &l.Source, metric: l.Name, stat: st, period: period})
		}
		return len(found) < maxFound
	})
	list := make([]*series, 0, len(found))
	for _, f := range found {
		se, err := e.fetch(f)
		if err != nil {
			return nil, err
		}
		list = append(list, se)
	}
	return list, ctx.Err()
}

func sameSource(a, b *rollup.Source) bool {
	return a.Namespace == b.Namespace && slices.Equal(a.Dimensions, b.Dimensions)
}

// searchLabel is what a metric that was found is called.
func searchLabel(l *rollup.Listed) string {
	parts := make([]string, 0, len(l.Dimensions)+1)
	for _, d := range l.Dimensions {
		parts = append(parts, d.Value)
	}
	return strings.Join(append(parts, l.Name), " ")
}

// A searchTerm is one condition. All must hold.
type searchTerm struct {
	property string // empty: any; Namespace, MetricName or a dimension
	text     string
	exact    bool
}

// A searchPattern is what a search asks for.
type searchPattern struct {
	schema []string // namespace and names of dimensions; nil: any
	terms  []searchTerm
}

// parseSearch reads a search.
//
// AWS: "CloudWatch search expression syntax". OR, NOT and parentheses are
// refused.
func parseSearch(text string) (*searchPattern, error) {
	p := new(searchPattern)
	rest := strings.TrimSpace(text)
	if strings.HasPrefix(rest, "{") {
		schema, after, ok := strings.Cut(rest[1:], "}")
		if !ok {
			return nil, errors.New("the schema is not closed")
		}
		for part := range strings.SplitSeq(schema, ",") {
			p.schema = append(p.schema, strings.Trim(strings.TrimSpace(part), `"`))
		}
		rest = after
	}
	for rest = strings.TrimSpace(rest); rest != ""; rest = strings.TrimSpace(rest) {
		var t searchTerm
		t, rest = nextTerm(rest)
		if t.text == "" && t.property == "" || !t.exact && t.property == "" && (t.text == "OR" || t.text == "NOT" || strings.ContainsAny(t.text, "()")) {
			return nil, fmt.Errorf("%q in a search is not supported by Gatehouse", t.text)
		}
		if t.text != "AND" || t.exact || t.property != "" {
			p.terms = append(p.terms, t)
		}
	}
	return p, nil
}

// nextTerm cuts a term off: text, "text", Property=text or Property="text".
func nextTerm(s string) (searchTerm, string) {
	var t searchTerm
	name, rest := cutText(s)
	if after, ok := strings.CutPrefix(strings.TrimSpace(rest), "="); ok {
		t.property = strings.Trim(name, `"`)
		name, rest = cutText(strings.TrimSpace(after))
	}
	if strings.HasPrefix(name, `"`) {
		t.exact = true
	}
	t.text = strings.Trim(name, `"`)
	return t, rest
}

// cutText cuts off a text in quotes, or what goes to the next space or equals
// sign.
func cutText(s string) (text, rest string) {
	if strings.HasPrefix(s, `"`) {
		if end := strings.IndexByte(s[1:], '"'); end >= 0 {
			return s[:end+2], s[end+2:]
		}
		return s, ""
	}
	if end := strings.IndexAny(s, " \t\n="); end > 0 {
		return s[:end], s[end:]
	}
	if strings.HasPrefix(s, "=") {
		return "", s[1:]
	}
	return s, ""
}

// of tells whether a metric is found.
func (p *searchPattern) of(l *rollup.Listed) bool {
	if p.schema != nil {
		if l.Namespace != p.schema[0] || len(l.Dimensions) != len(p.schema)-1 {
			return false
		}
		for _, d := range l.Dimensions {
			if !slices.Contains(p.schema[1:], d.Name) {
				return false
			}
		}
	}
	for i := range p.terms {
		if !p.terms[i].of(l) {
			return false
		}
	}
	return true
}

func (t *searchTerm) of(l *rollup.Listed) bool {
	check := func(property, text string) bool {
		if t.property != "" && t.property != property {
			return false
		}
		if t.exact {
			return text == t.text
		}
		return strings.Contains(strings.ToLower(text), strings.ToLower(t.text))
	}
	if check("Namespace", l.Namespace) || check("MetricName", l.Name) {
		return true
	}
	return slices.ContainsFunc(l.Dimensions, func(d rollup.Dimension) bool {
		return check(d.Name, d.Value) || t.property == "" && check("", d.Name)
	})
}
