package compile

import (
	v2 "gatehouse/internal/awsapi/apigatewayv2"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// httpMirror holds the records of HTTP APIs, as mirror those of REST APIs.
type httpMirror struct {
	apis        map[apiID]bool
	sockets     map[apiID]bool // the WebSocket APIs among them
	stages      map[stageID]*record.APIStage
	deployments map[deploymentID]*record.APIDeployment
}

func newHTTPMirror() httpMirror {
	return httpMirror{
		apis:        make(map[apiID]bool),
		sockets:     make(map[apiID]bool),
		stages:      make(map[stageID]*record.APIStage),
		deployments: make(map[deploymentID]*record.APIDeployment),
	}
}

// applyHTTP is apply for the records of HTTP APIs.
func (m *mirror) applyHTTP(k record.Key, kv store.KV, gone bool, t *touched) error {
	tables := record.In(m.st, m.blobs, k.Scope)
	api := apiID{k.Scope, k.ID[0]}
	switch k.Kind {
	case record.KindAPI:
		if err := decode(tables.APIs, kv, gone, func(r *record.API) {
			if r != nil && str(r.ProtocolType) == v2.ProtocolTypeWebsocket {
				m.http.sockets[api] = true
			} else {
				delete(m.http.sockets, api)
			}
		}); err != nil {
			return err
		}
		if m.http.apis[api] == gone {
			m.http.apis[api] = !gone
			if gone {
				delete(m.http.apis, api)
			}
			t.hosts = true
			for name := range m.stagesOf[api] {
				t.stages[stageID{api.Scope, api.id, name}] = true
			}
		}
		return nil
	case record.KindAPIStage:
		id := stageID{k.Scope, k.ID[0], k.ID[1]}
		err := decode(tables.APIStages, kv, gone, func(r *record.APIStage) {
			put(m.http.stages, id, r)
			if r == nil {
				remove(m.stagesOf, api, id.name)
			} else {
				add(m.stagesOf, api, id.name)
			}
			t.stages[id], t.hosts = true, true
		})
		m.noteUnread(id, err, t)
		return err
	case record.KindAPIDeployment:
		id := deploymentID{k.Scope, k.ID[0], k.ID[1]}
		return decode(tables.APIDeployments, kv, gone, func(r *record.APIDeployment) {
			old := m.http.deployments[id]
			put(m.http.deployments, id, r)
			if old != nil && r != nil && old.Definition == r.Definition {
				return // a description: nothing that is served
			}
			for name := range m.stagesOf[api] {
				stage := stageID{k.Scope, id.api, name}
				if s := m.http.stages[stage]; s != nil && str(s.DeploymentId) == id.id {
					t.stages[stage] = true
				}
			}
		})
	}
	return nil
}
