package apigatewayv2

import (
	"regexp"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsclient"
	"gatehouse/internal/mapping"
	"gatehouse/internal/record"
)

var regionName = regexp.MustCompile(`^[a-z0-9-]+$`)

// checkSubtype checks what only integrations with a service of AWS have.
//
// AWS: http-api-execution.md §7; the texts are ours.
func checkSubtype(i *api.Integration) error {
	name := *i.IntegrationSubtype
	kind := awsclient.SubtypeOf(name)
	switch {
	case kind == nil:
		return bad("Invalid integration subtype " + name)
	case str(i.PayloadFormatVersion) != "1.0":
		return bad("Invalid payloadFormatVersion " + str(i.PayloadFormatVersion) + ". " + name + " supports 1.0")
	case str(i.CredentialsArn) == "":
		return bad("Credentials must be specified for integrations with a subtype")
	case str(i.IntegrationUri) != "" || str(i.IntegrationMethod) != "":
		return bad("integrationUri and integrationMethod are not supported for integrations with a subtype")
	}
	for _, p := range kind.Parameters {
		if p.Required && i.RequestParameters[p.Name] == "" {
			return bad("Parameter: " + p.Name + " is required for integration subtype " + name)
		}
	}
	switch more, err := record.ExtensionsOf(i.RequestParameters); {
	case err != nil:
		return bad("Invalid mapping expression specified: " + err.Error())
	case more.Stream:
		return bad("Integrations with a subtype are not streamed")
	}
	for _, key := range sortedKeys(record.WithoutExtensions(i.RequestParameters)) {
		value := i.RequestParameters[key]
		if key == awsclient.SubtypeRegion {
			if !regionName.MatchString(value) && !strings.HasPrefix(value, "${stageVariables.") && !strings.HasPrefix(value, "$stageVariables.") {
				return bad("Parameter: Region must be the name of a Region")
			}
			continue
		}
		if kind.Parameter(key) == nil {
			return bad("Parameter: " + key + " does not fit schema for Operation: " + name)
		}
		if err := checkValue(value, mapping.Request); err != nil {
			return err
		}
	}
	if err := checkCommon(i); err != nil {
		return err
	}
	return checkResponseMappings(i)
}
