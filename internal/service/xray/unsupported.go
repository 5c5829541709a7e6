package xray

import (
	"fmt"
	"io"
	"strings"
)

// An unsupportedID is a row of the table of unsupported settings.
type unsupportedID int

const (
	noKMS unsupportedID = iota
	noInsights
	noBoost
	noService
	noForecast
	unsupportedCount
)

// unsupported is what is refused. A row goes when its setting comes to act.
var unsupported = [unsupportedCount]struct{ of, setting, values string }{
	noKMS:      {"EncryptionConfig", "Type", "KMS"},
	noInsights: {"Group", "InsightsConfiguration", "InsightsEnabled, NotificationsEnabled: true"},
	noBoost:    {"SamplingRule and GetSamplingTargets", "SamplingRateBoost, SamplingBoostStatisticsDocuments", "any"},
	noService:  {"GetTraceSummaries", "TimeRangeType", "Service"},
	noForecast: {"GetTimeSeriesServiceStatistics", "ForecastStatistics", "true"},
}

// refuse is the answer to setting what is not supported.
func (id unsupportedID) refuse() error {
	u := unsupported[id]
	return invalid("Gatehouse does not support %s of %s yet (see COVERAGE.md)", u.setting, u.of)
}

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	var b strings.Builder
	b.WriteString("\n## Settings of traces that are refused\n\n" +
		"The operations are implemented, but these settings do not act yet: a call that would set one is refused by name, and so is a filter\n" +
		"expression with one of the keywords `" + strings.Join(notYet, "`, `") + "`.\n\n" +
		"| of | setting | refused values |\n| --- | --- | --- |\n")
	for _, u := range unsupported {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", u.of, u.setting, u.values)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
