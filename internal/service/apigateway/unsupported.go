package apigateway

import (
	"fmt"
	"io"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/vtl"
)

// A setting that Gatehouse does not act upon yet is never stored: the call that
// would set it is refused by name. What such a setting is without being set
// (its inert value) is accepted.

type unsupportedID int

// What is refused. The order is that of the coverage document.
const (
	noSecurityPolicy unsupportedID = iota
	noAccessMode
	noAuthorizationScopes
	noIntegrationType
	noDeliveryStream
	noProductCode
	noLabels
	noCertificate
	noMutualTLS
	noDomainSecurity
	unsupportedCount
)

var unsupported = [unsupportedCount]awsrpc.Unsupported{
	noSecurityPolicy:      {"RestApi", "securityPolicy", "any but TLS_1_0"},
	noAccessMode:          {"RestApi", "endpointAccessMode", "STRICT"},
	noAuthorizationScopes: {"Method", "authorizationScopes", "any without COGNITO_USER_POOLS"},
	noIntegrationType:     {"Integration", "type", "AWS_PROXY with other services than Lambda"},
	noDeliveryStream:      {"Stage", "accessLogSettings.destinationArn", "delivery streams that no delivery-stream of the configuration names"},
	noProductCode:         {"UsagePlan", "productCode", "any"},
	noLabels:              {"ApiKey", "labels", "any"},
	noCertificate:         {"DomainName", "certificate settings", "ownershipVerificationCertificateArn; certificateName, regionalCertificateName of an existing domain name"},
	noMutualTLS:           {"DomainName", "mutualTlsAuthentication", "file:// without truststore-dir"},
	noDomainSecurity:      {"DomainName", "securityPolicy, endpointAccessMode", "any but TLS_1_2, BASIC"},
}

// refuse is the answer to setting what is not supported, with the value that
// was asked for (nothing, if it may be long or secret).
func (id unsupportedID) refuse(value string) error {
	return api.BadRequestException(unsupported[id].Refusal(value))
}

// checkTemplates refuses templates that do not parse, and content types that
// are none.
func checkTemplates(templates map[string]string) error {
	for contentType, template := range templates {
		if !validContentType(contentType) {
			// AWS: recorded (test_integration_response_invalid_responsetemplates).
			return api.BadRequestException("Validation Result: warnings : [], errors : [Invalid content type specified: " + contentType + "]")
		}
		if _, err := vtl.Compile(template); err != nil {
			// AWS: undocumented; the text is ours.
			return api.BadRequestException("Validation Result: warnings : [], errors : [Invalid mapping template specified for " + contentType + ": " + err.Error() + "]")
		}
	}
	return nil
}

// validContentType reports whether a template or model may stand under s.
func validContentType(s string) bool {
	kind, sub, ok := strings.Cut(s, "/")
	return s == "$default" || ok && kind != "" && sub != "" && !strings.ContainsAny(s, " \t\r\n")
}

// inert are the settings that are kept and shown and decide nothing, each with
// the reason: what they are about at Amazon does not exist here, or decides
// nothing there either.
var inert = []struct{ of, setting, why string }{
	{"Account", "cloudwatchRoleArn", "the role in which Amazon writes logs; execution logs cannot be switched on without it, but Gatehouse writes them itself"},
	{"ApiKey", "customerId", "the customer in AWS Marketplace; GetApiKeys finds keys by it"},
	{"ApiKey", "stageKeys", "superseded by usage plans at Amazon too, where they admit nobody"},
	{"Integration", "contentHandling of AWS_PROXY", "binary media types and isBase64Encoded decide there (Lambda functions)"},
	{"IntegrationResponse", "all, of HTTP_PROXY and AWS_PROXY", "the response of such a backend passes as it is, at Amazon too"},
	{"RestApi and DomainName", "endpointConfiguration ipAddressType", "the addresses to listen on are the operator's choice"},
}

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	if err := awsrpc.WriteUnsupported(w, "apigateway", "", unsupported[:]); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString("\n## Settings of apigateway that decide nothing\n\n" +
		"They are kept and shown, for whoever sets up an API sets them too.\n\n| of | setting | why |\n| --- | --- | --- |\n")
	for _, i := range inert {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", i.of, i.setting, i.why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
