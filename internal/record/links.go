package record

import (
	"context"
	"slices"
	"strings"

	"gatehouse/internal/store"
)

// IntegrationsThrough lists the integrations of HTTP and WebSocket APIs that call
// through a VPC link of either version, as APIs are now and as stages show them:
// each as ApiId:IntegrationId.
func (t Tables) IntegrationsThrough(ctx context.Context, link string) ([]string, error) {
	type use struct {
		ref       store.Ref
		api       string
		variables map[string]string
	}
	var uses []use
	apis, err := t.APIs.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range apis {
		uses = append(uses, use{row.Value.Definition, deref(row.Value.ApiId), nil})
	}
	stages, err := t.APIStages.All(ctx)
	if err != nil {
		return nil, err
	}
	for _, row := range stages {
		st := &row.Value
		dep, rev, err := t.APIDeployments.Find(ctx, nil, st.API, deref(st.DeploymentId))
		if err != nil {
			return nil, err
		}
		if rev != 0 {
			uses = append(uses, use{dep.Definition, st.API, st.StageVariables})
		}
	}
	var users []string
	for _, u := range uses {
		def, err := t.LoadAPIDefinition(ctx, u.ref)
		if err != nil {
			return nil, err
		}
		for _, i := range def.Integrations {
			if expanded(deref(i.ConnectionId), u.variables) == link {
				users = append(users, u.api+":"+deref(i.IntegrationId))
			}
		}
	}
	slices.Sort(users)
	return slices.Compact(users), nil
}

// expanded is text with the values of stage variables in the place of their names.
func expanded(text string, variables map[string]string) string {
	if !strings.Contains(text, "${stageVariables.") {
		return text
	}
	for name, value := range variables {
		text = strings.ReplaceAll(text, "${stageVariables."+name+"}", value)
	}
	return text
}
