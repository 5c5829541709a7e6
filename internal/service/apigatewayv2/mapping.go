package apigatewayv2

import (
	"strconv"
	"strings"

	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/mapping"
	"gatehouse/internal/record"
	"gatehouse/internal/wire"
)

// What may stand in parameter mappings.
//
// AWS: http-api-execution.md §6 ("Transform API requests and responses for HTTP
// APIs"); the texts are ours.

// checkMappings refuses parameter mappings that AWS refuses.
func checkMappings(i *api.Integration) error {
	if _, err := record.ExtensionsOf(i.RequestParameters); err != nil {
		return bad("Invalid mapping expression specified: " + err.Error())
	}
	for _, key := range sortedKeys(record.WithoutExtensions(i.RequestParameters)) {
		if err := checkMapping(key, i.RequestParameters[key], overwritePath, mapping.Request); err != nil {
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
			if err := checkMapping(key, i.ResponseParameters[code][key], overwriteStatus, mapping.Response); err != nil {
				return err
			}
		}
	}
	return nil
}

// The keys without a name, of requests and of responses.
const (
	overwritePath   = "overwrite:path"
	overwriteStatus = "overwrite:statuscode"
)

// checkMapping checks one mapping; special is the only key without a name, and
// of what the value may refer to.
func checkMapping(key, value, special string, of mapping.Message) error {
	action, target, ok := strings.Cut(key, ":")
	place, name, named := strings.Cut(target, ".")
	switch {
	case key == special && of == mapping.Response:
		if n, err := strconv.Atoi(value); err != nil || n < 200 || n > 599 {
			return bad("Invalid mapping expression specified: the value of " + key + " must be a status code between 200 and 599")
		}
		return nil
	case key == special:
	case !ok || action != "append" && action != "overwrite" && action != "remove",
		!named || name == "", place != "header" && (place != "querystring" || of != mapping.Request),
		place == "header" && !wire.ValidToken(name):
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
	return checkValue(value, of)
}

// checkValue refuses a value that refers to what there is not.
func checkValue(value string, of mapping.Message) error {
	if _, err := mapping.Parse(value, of); err != nil {
		return bad("Invalid mapping expression specified: " + err.Error())
	}
	return nil
}
