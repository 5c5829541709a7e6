package logs

import (
	"io"

	"gatehouse/internal/awsrpc"
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
var unsupported = [unsupportedCount]awsrpc.Unsupported{
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
func (id unsupportedID) refuse() error { return errInvalid(unsupported[id].Refusal("")) }

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	return awsrpc.WriteUnsupported(w, "logs", "", unsupported[:])
}
