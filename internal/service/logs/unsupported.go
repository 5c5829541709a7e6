package logs

import (
	"fmt"
	"io"
	"strings"
)

// An unsupportedID is a row of the table of unsupported settings.
type unsupportedID int

const (
	noKMS unsupportedID = iota
	noClass
	noProtection
	noDataSource
	noTransformer
	noSystemFields
	noDestination
	noRandom
	noLogType
	noSourceConfiguration
	noFormat
	noDestinationRole
	noTraces
	noPlace
	noHive
	unsupportedCount
)

// unsupported is what is refused. A row goes when its setting comes to act.
var unsupported = [unsupportedCount]struct{ of, setting, values string }{
	noKMS:          {"LogGroup", "kmsKeyId", "any"},
	noClass:        {"LogGroup", "logGroupClass", "any but STANDARD"},
	noProtection:   {"LogGroup", "deletionProtectionEnabled", "true"},
	noDataSource:   {"ListLogGroups", "dataSources, fieldIndexNames", "any"},
	noTransformer:  {"MetricFilter and SubscriptionFilter", "applyOnTransformedLogs", "true"},
	noSystemFields: {"MetricFilter and SubscriptionFilter", "fieldSelectionCriteria, emitSystemFields, emitSystemFieldDimensions", "any"},
	noDestination:  {"SubscriptionFilter", "destinationArn", "any but functions of this Gatehouse and URLs (http://, https://)"},
	noRandom:       {"SubscriptionFilter", "distribution", "Random"},

	noLogType:             {"DeliverySource", "logType", "any but EXECUTION_LOGS, of stages of REST APIs"},
	noSourceConfiguration: {"DeliverySource", "deliverySourceConfiguration", "any"},
	noFormat:              {"DeliveryDestination", "outputFormat", "w3c, raw, parquet"},
	noDestinationRole:     {"DeliveryDestination", "roleArn", "any"},
	noTraces:              {"DeliveryDestination", "deliveryDestinationType", "XRAY"},
	noPlace:               {"DeliveryDestination", "destinationResourceArn", "any but log groups and buckets of this Gatehouse, and delivery streams that the configuration knows"},
	noHive:                {"Delivery", "s3DeliveryConfiguration.enableHiveCompatiblePath", "true"},
}

// refuse is the answer to setting what is not supported.
func (id unsupportedID) refuse() error {
	u := unsupported[id]
	return errInvalid("Gatehouse does not support " + u.setting + " of " + u.of + " yet (see COVERAGE.md)")
}

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	var b strings.Builder
	b.WriteString("\n## Settings of logs that are refused\n\n" +
		"The operations are implemented, but these settings do not act yet: a call that would set one is refused by name.\n\n" +
		"| of | setting | refused values |\n| --- | --- | --- |\n")
	for _, u := range unsupported {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", u.of, u.setting, u.values)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
