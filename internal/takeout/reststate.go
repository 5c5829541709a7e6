package takeout

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
)

// A restState is a state of a REST API in which something was frozen: a
// deployment, a version of the documentation. The templates of its stack pass
// through all of them, and end in the present one.
type restState struct {
	def           *openapi.API
	documentation []api.DocumentationPart
	deployments   []api.Deployment           // that froze it
	versions      []api.DocumentationVersion // of the documentation
}

// states are the states that the stages of the API still show, in order of their
// deployments.
func (a *restAPI) states(ctx context.Context) ([]restState, error) {
	var all []restState
	shown := map[string]bool{} // versions of the documentation
	for _, d := range a.deployments {
		stages := a.stagesOf(str(d.Id))
		if len(stages) == 0 {
			continue
		}
		for i, stage := range stages {
			def, err := a.exported(ctx, stage.name)
			if err != nil {
				return nil, err
			}
			version := str(stage.DocumentationVersion)
			if i > 0 && (version == "" || shown[version]) {
				continue // nothing that the first did not show
			}
			s := restState{def: a.present, documentation: a.present.Documentation}
			if def != nil && !stage.canary {
				s.def = a.settled(a.restored(def))
			}
			if def != nil && version != "" && !shown[version] {
				s.documentation, shown[version] = def.Documentation, true
				s.versions = a.version(version)
			}
			if i == 0 {
				s.deployments = []api.Deployment{d}
			}
			all = append(all, s)
		}
	}
	last := restState{def: a.present, documentation: a.present.Documentation}
	for _, v := range a.versions {
		if name := str(v.Version); !shown[name] {
			a.t.leave(a.name+": documentation version "+name, "no stage shows it, so that what it says cannot be read: it is made of the present documentation")
			last.versions = append(last.versions, v)
		}
	}
	return merged(append(all, last)), nil
}

// merged joins states that follow each other and are the same.
func merged(all []restState) []restState {
	var out []restState
	for _, s := range all {
		if n := len(out); n > 0 && len(openapi.Compare(out[n-1].def, s.def)) == 0 && sameDocumentation(out[n-1], s) {
			out[n-1].deployments = append(out[n-1].deployments, s.deployments...)
			out[n-1].versions = append(out[n-1].versions, s.versions...)
			out[n-1].def = s.def
			continue
		}
		out = append(out, s)
	}
	return out
}

// sameDocumentation tells whether two states have the same documentation, or the
// first froze none.
func sameDocumentation(x, y restState) bool {
	if len(x.versions) == 0 {
		x.documentation = y.documentation
	}
	text := func(list []api.DocumentationPart) string {
		var parts []string
		for _, p := range list {
			p.Id = nil
			b, _ := json.Marshal(p) // texts only
			parts = append(parts, string(b))
		}
		slices.Sort(parts)
		b, _ := json.Marshal(parts)
		return string(b)
	}
	return text(x.documentation) == text(y.documentation)
}

func (a *restAPI) version(name string) []api.DocumentationVersion {
	for _, v := range a.versions {
		if str(v.Version) == name {
			return []api.DocumentationVersion{v}
		}
	}
	return nil
}

// A shownStage is a stage that shows a deployment, or its canary.
type shownStage struct {
	*api.Stage
	name   string
	canary bool
}

// stagesOf are the stages that serve a deployment; if only canaries do, one of
// these, which tells nothing of what it serves.
func (a *restAPI) stagesOf(deployment string) []shownStage {
	var list []shownStage
	for i := range a.stages {
		if s := &a.stages[i]; str(s.DeploymentId) == deployment {
			list = append(list, shownStage{s, str(s.StageName), false})
		}
	}
	for i := range a.stages {
		s := &a.stages[i]
		if c := s.CanarySettings; len(list) == 0 && c != nil && str(c.DeploymentId) == deployment {
			a.t.leave(a.name+": what the canary of stage "+str(s.StageName)+" serves", "no call tells it: the present definition takes its place")
			list = append(list, shownStage{&api.Stage{StageName: s.StageName}, str(s.StageName), true})
		}
	}
	return list
}

// settled puts into what was deployed the settings that no export tells, and that
// hold for all stages.
func (a *restAPI) settled(def *openapi.API) *openapi.API {
	set := &def.Settings
	set.Name, set.Description, set.Version = a.info.Name, a.info.Description, a.info.Version
	set.DisableExecuteApiEndpoint, set.EndpointConfiguration, set.SecurityPolicy, set.EndpointAccessMode =
		a.info.DisableExecuteApiEndpoint, a.info.EndpointConfiguration, a.info.SecurityPolicy, a.info.EndpointAccessMode
	set.Tags, set.ApiStatus, set.ApiStatusMessage = a.info.Tags, a.info.ApiStatus, a.info.ApiStatusMessage
	set.ApiKeySource = cmp.Or(set.ApiKeySource, a.info.ApiKeySource)
	// What every API is born with stays when a document without it is put over it.
	for _, m := range a.present.Models {
		if name := str(m.Name); (name == "Empty" || name == "Error") && !slices.ContainsFunc(def.Models, func(o api.Model) bool { return str(o.Name) == name }) {
			def.Models = append(def.Models, m)
		}
	}
	return def
}
