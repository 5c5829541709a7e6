package apigatewayv2

import (
	"regexp"
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
)

// What may stand in parameter mappings.
//
// AWS: http-api-execution.md §6 ("Transform API requests and responses for HTTP
// APIs"); the texts are ours.

var reference = regexp.MustCompile(`\$\{([^}]*)\}|\$([A-Za-z][A-Za-z0-9_.]*)`)

// checkMappings refuses parameter mappings that AWS refuses.
func checkMappings(i *api.Integration) error {
	if _, err := record.ExtensionsOf(i.RequestParameters); err != nil {
		return bad("Invalid mapping expression specified: " + err.Error())
	}
	for _, key := range sortedKeys(record.WithoutExtensions(i.RequestParameters)) {
		if err := checkMapping(key, i.RequestParameters[key], "overwrite:path", "$request."); err != nil {
			return err
		}
	}
	return checkResponseMappings(i)
}

// checkResponseMappings is checkMappings for those of responses.
func checkResponseMappings(i *api.Integration) error {
	for _, code := range sortedKeys(i.ResponseParameters) {
		n, err := strconv.Atoi(code)
		if err != nil || n < 200 || n > 599 {
			return bad("Invalid response status code " + code + ". It must be between 200 and 599")
		}
		for _, key := range sortedKeys(i.ResponseParameters[code]) {
			if err := checkMapping(key, i.ResponseParameters[code][key], "overwrite:statuscode", "$response."); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMapping checks one mapping; special is the only key without a name, and
// messages the root of what may be referred to.
func checkMapping(key, value, special, messages string) error {
	action, target, ok := strings.Cut(key, ":")
	place, name, named := strings.Cut(target, ".")
	switch {
	case key == special:
	case !ok || action != "append" && action != "overwrite" && action != "remove",
		!named || name == "", place != "header" && (place != "querystring" || special != "overwrite:path"):
		return bad("Invalid mapping expression specified: " + key)
	case place == "header" && reservedHeader(name):
		return bad("Operations on header " + name + " are restricted")
	}
	if action == "remove" {
		if value != "" && value != "''" {
			return bad("Invalid mapping expression specified: the value of " + key + " must be empty")
		}
		return nil
	}
	if value == "" {
		return bad("Invalid mapping expression specified: " + key + " has no value")
	}
	return checkReferences(value, messages)
}
