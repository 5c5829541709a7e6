package apigatewayv2

import (
	"cmp"
	"context"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/awsrpc"
)

// maxLogFormat is the longest format of access logs, in characters.
//
// AWS: execution.md §6.
const maxLogFormat = 3 << 10

// checkAccessLog refuses access log settings that could not be followed.
func checkAccessLog(a *api.AccessLogSettings) error {
	if a == nil {
		return nil
	}
	name, err := arn.Parse(str(a.DestinationArn))
	if err != nil || name.Service != "logs" {
		return bad("Invalid ARN specified in the request. ARN must be that of a log group")
	}
	format := str(a.Format)
	if !strings.Contains(format, "$context.requestId") && !strings.Contains(format, "$context.extendedRequestId") {
		// AWS: "Customize HTTP API access logs".
		return bad("Access log format must contain $context.requestId or $context.extendedRequestId")
	}
	return nil
}

// mergedAccessLog is before with the settings that next has.
//
// AWS: logging-metrics.md §1.1: each setting stays if the other is updated.
func mergedAccessLog(before, next *api.AccessLogSettings) *api.AccessLogSettings {
	if before == nil || next == nil {
		return cmp.Or(next, before)
	}
	return &api.AccessLogSettings{DestinationArn: cmp.Or(next.DestinationArn, before.DestinationArn), Format: cmp.Or(next.Format, before.Format)}
}

// checkNewAccessLog refuses formats that are not one line or too long, and groups
// of another account or Region than the stage's. What was there before may stay.
//
// AWS: logging-metrics.md §1.1 for formats. PutLogEvents and log deliveries know the
// names of groups only, so they are those of the account and the Region. The text of
// the length and of the group are ours.
func checkNewAccessLog(ctx context.Context, before, a *api.AccessLogSettings) error {
	if a == nil {
		return nil
	}
	if before == nil {
		before = &api.AccessLogSettings{}
	}
	if format := str(a.Format); format != str(before.Format) {
		switch {
		case len(format) > maxLogFormat:
			return bad("Access Log format must be at most 3072 characters long")
		case strings.ContainsAny(strings.TrimRight(format, "\r\n"), "\r\n"):
			return bad("Access Log format must be single line, new line character is allowed only at end of the format: '" + format + "'")
		}
	}
	if to := str(a.DestinationArn); to != str(before.DestinationArn) {
		name, err := arn.Parse(to)
		if c := awsrpc.CallerFrom(ctx); err == nil && (name.Account != c.Account || name.Region != c.Region) {
			return bad("Invalid ARN specified in the request. ARN must be that of a log group of account " + c.Account + " in " + c.Region)
		}
	}
	return nil
}
