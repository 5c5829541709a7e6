package xray

import (
	"io"
	"strings"

	"gatehouse/internal/awsrpc"
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
var unsupported = [unsupportedCount]awsrpc.Unsupported{
	noKMS:      {"EncryptionConfig", "Type", "KMS"},
	noInsights: {"Group", "InsightsConfiguration", "InsightsEnabled, NotificationsEnabled: true"},
	noBoost:    {"SamplingRule and GetSamplingTargets", "SamplingRateBoost, SamplingBoostStatisticsDocuments", "any"},
	noService:  {"GetTraceSummaries", "TimeRangeType", "Service"},
	noForecast: {"GetTimeSeriesServiceStatistics", "ForecastStatistics", "true"},
}

// refuse is the answer to setting what is not supported.
func (id unsupportedID) refuse() error { return invalid("%s", unsupported[id].Refusal("")) }

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	return awsrpc.WriteUnsupported(w, "traces", ", and so is a filter\nexpression with one of the keywords `"+strings.Join(notYet, "`, `")+"`", unsupported[:])
}
