package lambda

import (
	"io"

	"gatehouse/internal/awsrpc"
)

// An unsupportedID is a row of the table of unsupported settings.
type unsupportedID int

const (
	noRuntime unsupportedID = iota
	noArchitecture
	noImage
	noVPC
	noDeadLetter
	noKMS
	noFileSystem
	noCodeSigning
	noSnapStart
	noJSONLogs
	noLogLevel
	noTenancy
	noCapacityProvider
	noDurable
	noPublishTo
	noObjectReference
	noDestination
	noFunctionURLPermission
	noEventSourceToken
	noMasterRegion
	unsupportedCount
)

// unsupported is what is refused. A row goes when its setting comes to act.
var unsupported = [unsupportedCount]awsrpc.Unsupported{
	noRuntime:               {"Function", "Runtime", "java*, dotnet*, ruby*, go1.x, provided, nodejs and python2.7"},
	noArchitecture:          {"Function", "Architectures", "of provided runtimes: any but the machine's own"},
	noImage:                 {"Function", "PackageType, ImageUri, ImageConfig", "Image"},
	noVPC:                   {"Function", "VpcConfig", "any"},
	noDeadLetter:            {"Function", "DeadLetterConfig", "any"},
	noKMS:                   {"Function", "KMSKeyArn, SourceKMSKeyArn", "any"},
	noFileSystem:            {"Function", "FileSystemConfigs", "any"},
	noCodeSigning:           {"Function", "CodeSigningConfigArn", "any"},
	noSnapStart:             {"Function", "SnapStart", "PublishedVersions"},
	noJSONLogs:              {"Function", "LoggingConfig.LogFormat", "JSON"},
	noLogLevel:              {"Function", "LoggingConfig.ApplicationLogLevel, SystemLogLevel", "any"},
	noTenancy:               {"Function", "TenancyConfig", "any"},
	noCapacityProvider:      {"Function", "CapacityProviderConfig", "any"},
	noDurable:               {"Function", "DurableConfig", "any"},
	noPublishTo:             {"Function", "PublishTo", "any"},
	noObjectReference:       {"Function and LayerVersion", "S3ObjectStorageMode", "REFERENCE"},
	noDestination:           {"EventInvokeConfig", "DestinationConfig", "any but functions"},
	noFunctionURLPermission: {"Permission", "FunctionUrlAuthType, InvokedViaFunctionUrl", "any"},
	noEventSourceToken:      {"Permission", "EventSourceToken", "any"},
	noMasterRegion:          {"ListFunctions", "MasterRegion", "any"},
}

// refuse is the answer to setting what is not supported, with the value that was
// asked for (nothing, if it may be long or secret).
func (id unsupportedID) refuse(value string) error {
	return errParameter(unsupported[id].Refusal(value))
}

// refusal is the answer to a setting that is not supported, if it is there.
type refusal struct {
	set bool
	id  unsupportedID
}

// firstRefusal is the first answer that a list of settings calls for.
func firstRefusal(list []refusal) error {
	for _, r := range list {
		if r.set {
			return r.id.refuse("")
		}
	}
	return nil
}

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	return awsrpc.WriteUnsupported(w, "lambda", "", unsupported[:])
}
