package cloudtrail

import (
	"context"
	"io"

	api "gatehouse/internal/awsapi/cloudtrail"
	"gatehouse/internal/awsrpc"
)

// An unsupportedID is a row of the table of unsupported settings.
type unsupportedID int

const (
	noKMS unsupportedID = iota
	noTopic
	noOrganization
	noDataType
	noInsights
	unsupportedCount
)

// unsupported is what is refused. A row goes when its setting comes to act.
var unsupported = [unsupportedCount]awsrpc.Unsupported{
	noKMS:          {"Trail", "kmsKeyId", "any"},
	noTopic:        {"Trail", "snsTopicName", "any"},
	noOrganization: {"Trail", "isOrganizationTrail", "true"},
	noDataType:     {"DataResource", "type", "any but AWS::Lambda::Function, AWS::S3::Object, Gatehouse::ApiGateway::Api"},
	noInsights:     {"PutInsightSelectors", "insightSelectors", "any"},
}

// refuse is the answer to setting what is not supported.
func (id unsupportedID) refuse() error {
	return api.UnsupportedOperationException(unsupported[id].Refusal(""))
}

// refuseTrail refuses the settings of a trail that do not act.
func refuseTrail(key, topic *string, organization *bool) error {
	switch {
	case str(key) != "":
		return noKMS.refuse()
	case str(topic) != "":
		return noTopic.refuse()
	case is(organization):
		return noOrganization.refuse()
	}
	return nil
}

// PutInsightSelectors refuses: there are no insights.
func (s *Service) PutInsightSelectors(context.Context, *api.PutInsightSelectorsInput) (*api.PutInsightSelectorsResponse, error) {
	return nil, noInsights.refuse()
}

// GetInsightSelectors tells that a trail has none.
func (s *Service) GetInsightSelectors(ctx context.Context, in *api.GetInsightSelectorsInput) (*api.GetInsightSelectorsResponse, error) {
	t, _, err := s.find(ctx, str(in.TrailName))
	if err != nil {
		return nil, err
	}
	return nil, api.InsightNotEnabledException("Trail " + t.arn() + " does not have Insights enabled.")
}

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	return awsrpc.WriteUnsupported(w, "trails", "", unsupported[:])
}
