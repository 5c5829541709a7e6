package cloudtrail

import (
	"context"
	"fmt"
	"io"
	"strings"

	api "gatehouse/internal/awsapi/cloudtrail"
)

// An unsupportedID is a row of the table of unsupported settings.
type unsupportedID int

const (
	noLogGroup unsupportedID = iota
	noKMS
	noTopic
	noOrganization
	noDataEvents
	noAdvanced
	noExclusions
	noInsights
	unsupportedCount
)

// unsupported is what is refused. A row goes when its setting comes to act.
var unsupported = [unsupportedCount]struct{ of, setting, values string }{
	noLogGroup:     {"Trail", "cloudWatchLogsLogGroupArn, cloudWatchLogsRoleArn", "any"},
	noKMS:          {"Trail", "kmsKeyId", "any"},
	noTopic:        {"Trail", "snsTopicName", "any"},
	noOrganization: {"Trail", "isOrganizationTrail", "true"},
	noDataEvents:   {"EventSelector", "dataResources", "any"},
	noAdvanced:     {"PutEventSelectors", "advancedEventSelectors", "any"},
	noExclusions:   {"EventSelector", "excludeManagementEventSources, includeManagementEvents", "any source; false"},
	noInsights:     {"PutInsightSelectors", "insightSelectors", "any"},
}

// refuse is the answer to setting what is not supported.
func (id unsupportedID) refuse() error {
	u := unsupported[id]
	return api.UnsupportedOperationException("Gatehouse does not support " + u.setting + " of " + u.of + " yet (see COVERAGE.md)")
}

// refuseTrail refuses the settings of a trail that do not act.
func refuseTrail(group, role, key, topic *string, organization *bool) error {
	switch {
	case str(group) != "", str(role) != "":
		return noLogGroup.refuse()
	case str(key) != "":
		return noKMS.refuse()
	case str(topic) != "":
		return noTopic.refuse()
	case is(organization):
		return noOrganization.refuse()
	}
	return nil
}

// PutEventSelectors says whether a trail delivers what reads, what writes, or all.
func (s *Service) PutEventSelectors(ctx context.Context, in *api.PutEventSelectorsInput) (*api.PutEventSelectorsResponse, error) {
	if len(in.AdvancedEventSelectors) > 0 {
		return nil, noAdvanced.refuse()
	}
	if len(in.EventSelectors) != 1 {
		return nil, api.InvalidEventSelectorsException("One event selector is needed: Gatehouse's trails deliver management events.")
	}
	sel := in.EventSelectors[0]
	switch {
	case len(sel.DataResources) > 0:
		return nil, noDataEvents.refuse()
	case len(sel.ExcludeManagementEventSources) > 0, sel.IncludeManagementEvents != nil && !*sel.IncludeManagementEvents:
		return nil, noExclusions.refuse()
	}
	t, err := s.edit(ctx, *in.TrailName, func(t *trail) error {
		t.ReadWrite = "All"
		set(&t.ReadWrite, sel.ReadWriteType)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.PutEventSelectorsResponse{TrailARN: new(t.arn()), EventSelectors: t.selectors()}, nil
}

// GetEventSelectors tells it.
func (s *Service) GetEventSelectors(ctx context.Context, in *api.GetEventSelectorsInput) (*api.GetEventSelectorsResponse, error) {
	t, _, err := s.find(ctx, *in.TrailName)
	if err != nil {
		return nil, err
	}
	return &api.GetEventSelectorsResponse{TrailARN: new(t.arn()), EventSelectors: t.selectors()}, nil
}

func (t *trail) selectors() []api.EventSelector {
	return []api.EventSelector{{ReadWriteType: &t.ReadWrite, IncludeManagementEvents: new(true), DataResources: []api.DataResource{}, ExcludeManagementEventSources: []string{}}}
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
	var b strings.Builder
	b.WriteString("\n## Settings of trails that are refused\n\n" +
		"The operations are implemented, but these settings do not act yet: a call that would set one is refused by name.\n\n" +
		"| of | setting | refused values |\n| --- | --- | --- |\n")
	for _, u := range unsupported {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", u.of, u.setting, u.values)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
