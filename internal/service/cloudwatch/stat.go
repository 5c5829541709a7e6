package cloudwatch

import (
	"math"
	"regexp"
	"strconv"
	"strings"

	"gatehouse/internal/rollup"
)

// A stat is what is asked of points: the Average, the 99th percentile, the mean
// of the middle half.
type stat struct {
	name string
	of   func(*rollup.Point) (float64, bool)
}

// Forms of statistics.
//
// AWS: CloudWatch statistics definitions.
var (
	shortForm = regexp.MustCompile(`^(p|tm|tc|ts|wm)(\d{1,2}(?:\.\d{1,10})?|100)$`)
	longForm  = regexp.MustCompile(`^(TM|TC|TS|WM|PR)\(([^:()]*):([^:()]*)\)$`)
)

// parseStat reads the name of a statistic.
func parseStat(name string) (stat, bool) {
	switch name {
	case "SampleCount":
		return stat{name, func(p *rollup.Point) (float64, bool) { return p.Count, true }}, true
	case "Average":
		return stat{name, func(p *rollup.Point) (float64, bool) { return p.Sum / p.Count, true }}, true
	case "Sum":
		return stat{name, func(p *rollup.Point) (float64, bool) { return p.Sum, true }}, true
	case "Minimum":
		return stat{name, func(p *rollup.Point) (float64, bool) { return p.Min, true }}, true
	case "Maximum":
		return stat{name, func(p *rollup.Point) (float64, bool) { return p.Max, true }}, true
	case "IQM":
		return stat{name, trimmed("TM", 0.25, 0.75)}, true
	}
	if m := shortForm.FindStringSubmatch(name); m != nil {
		n, _ := strconv.ParseFloat(m[2], 64) // the form says that it is one
		if m[1] == "p" {
			return stat{name, func(p *rollup.Point) (float64, bool) { return p.Quantile(n / 100) }}, true
		}
		return stat{name, trimmed(strings.ToUpper(m[1]), 0, n/100)}, true
	}
	if m := longForm.FindStringSubmatch(name); m != nil {
		if of := between(m[1], m[2], m[3]); of != nil {
			return stat{name, of}, true
		}
	}
	return stat{}, false
}

// between reads the bounds of a long form: both percentages, or both values; one
// may be missing.
func between(kind, from, to string) func(*rollup.Point) (float64, bool) {
	percent := strings.HasSuffix(from, "%") || strings.HasSuffix(to, "%")
	lo, hi := math.Inf(-1), math.Inf(1)
	if percent {
		lo, hi = 0, 100
	}
	for _, end := range []struct {
		text string
		to   *float64
	}{{from, &lo}, {to, &hi}} {
		if end.text == "" {
			continue
		}
		digits, has := strings.CutSuffix(end.text, "%")
		n, err := strconv.ParseFloat(digits, 64)
		if has != percent || err != nil || percent && (n < 0 || n > 100) {
			return nil
		}
		*end.to = n
	}
	if lo >= hi || from == "" && to == "" || percent && kind == "PR" {
		return nil
	}
	if percent {
		return trimmed(kind, lo/100, hi/100)
	}
	return within(kind, lo, hi)
}

// trimmed is a statistic of the values whose ranks are between two shares of
// all.
func trimmed(kind string, lo, hi float64) func(*rollup.Point) (float64, bool) {
	return func(p *rollup.Point) (float64, bool) {
		if !p.Known() || p.Count == 0 {
			return 0, false
		}
		count, sum := p.Ranked(lo, hi)
		least, _ := p.Quantile(lo)
		most, _ := p.Quantile(hi)
		return summary(kind, p, count, sum, least*lo*p.Count+most*(1-hi)*p.Count)
	}
}

// within is a statistic of the values between two others.
func within(kind string, lo, hi float64) func(*rollup.Point) (float64, bool) {
	return func(p *rollup.Point) (float64, bool) {
		if !p.Known() || p.Count == 0 {
			return 0, false
		}
		count, sum := p.Within(lo, hi)
		outside := 0.0
		if !math.IsInf(lo, 0) {
			below, _ := p.Within(math.Inf(-1), lo)
			outside += below * lo
		}
		if !math.IsInf(hi, 0) {
			above, _ := p.Within(hi, math.Inf(1))
			outside += above * hi
		}
		return summary(kind, p, count, sum, outside)
	}
}

// summary is a statistic of count values; outside is the sum of all others, each
// drawn to the nearer bound.
func summary(kind string, p *rollup.Point, count, sum, outside float64) (float64, bool) {
	switch kind {
	case "TC":
		return count, true
	case "TS":
		return sum, true
	case "PR":
		return 100 * count / p.Count, true
	case "WM":
		return (sum + outside) / p.Count, true
	}
	return sum / count, count > 0
}
