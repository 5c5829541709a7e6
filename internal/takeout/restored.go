package takeout

import (
	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
)

// restored puts back into what was exported what exports lose: a part that is
// what the present one becomes by an export is the present one.
func (a *restAPI) restored(def *openapi.API) *openapi.API {
	text, err := openapi.Export(a.present, openapi.ExportOptions{V3: true, Extensions: true, Authorizers: true})
	if err != nil {
		return def // the present one cannot be told apart from it
	}
	lossy, err := openapi.Import(text, openapi.Options{RestAPI: a.id, BasePath: openapi.BasePathIgnore})
	if err != nil {
		return def
	}
	def.Models = restoredList(def.Models, lossy.Models, a.present.Models, func(m api.Model) string { return str(m.Name) },
		func(m api.Model) *openapi.API { return &openapi.API{Models: []api.Model{m}} })
	def.Authorizers = restoredList(def.Authorizers, lossy.Authorizers, a.present.Authorizers, func(m api.Authorizer) string { return str(m.Name) },
		func(m api.Authorizer) *openapi.API { return &openapi.API{Authorizers: []api.Authorizer{m}} })
	def.Validators = restoredList(def.Validators, lossy.Validators, a.present.Validators, func(m api.RequestValidator) string { return str(m.Name) },
		func(m api.RequestValidator) *openapi.API { return &openapi.API{Validators: []api.RequestValidator{m}} })
	def.GatewayResponses = restoredList(def.GatewayResponses, lossy.GatewayResponses, a.present.GatewayResponses, func(m api.GatewayResponse) string { return str(m.ResponseType) },
		func(m api.GatewayResponse) *openapi.API {
			return &openapi.API{GatewayResponses: []api.GatewayResponse{m}}
		})
	methods := func(o *openapi.API, path string) []openapi.Method {
		for _, r := range o.Resources {
			if r.Path == path {
				return r.Methods
			}
		}
		return nil
	}
	for i := range def.Resources {
		r := &def.Resources[i]
		r.Methods = restoredList(r.Methods, methods(lossy, r.Path), methods(a.present, r.Path), func(m openapi.Method) string { return str(m.HttpMethod) },
			func(m openapi.Method) *openapi.API {
				return &openapi.API{Resources: []openapi.Resource{{Path: r.Path, Methods: []openapi.Method{m}}}}
			})
	}
	return def
}

// restoredList puts present parts in place of those that are like what an export
// makes of them.
func restoredList[T any](have, lossy, present []T, name func(T) string, as func(T) *openapi.API) []T {
	find := func(list []T, want string) *T {
		for i := range list {
			if name(list[i]) == want {
				return &list[i]
			}
		}
		return nil
	}
	for i := range have {
		l, p := find(lossy, name(have[i])), find(present, name(have[i]))
		if l != nil && p != nil && len(openapi.Compare(as(have[i]), as(*l))) == 0 {
			have[i] = *p
		}
	}
	return have
}
