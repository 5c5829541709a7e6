package apigateway

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	api "gatehouse/internal/awsapi/apigateway"
	"gatehouse/internal/openapi"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// The parts of an API's documentation are one value beside its definition:
// deployments do not freeze them, versions of the documentation do
// (documentationversion.go). All texts are recorded
// (TestApiGatewayApiDocumentationPart) unless they say otherwise.

func errDocumentationPart() error {
	return api.NotFoundException("Invalid Documentation part identifier specified")
}

// editDocumentation changes the documentation of an API. If there is no such
// API, missing is returned.
func (s *Service) editDocumentation(ctx context.Context, id *string, missing error, edit func(d *record.Documentation) error) error {
	t := s.tables(ctx)
	defer s.locks.Lock(t.RestAPIs.Key(str(id)))()
	return s.commit(ctx, func(c *store.Change) error {
		rec, rev, err := t.RestAPIs.Find(ctx, missing, str(id))
		if err != nil {
			return err
		}
		if err := s.putDocumentation(ctx, c, t, &rec, edit); err != nil {
			return err
		}
		c.Require(t.RestAPIs.Is(store.ID(str(id)), rev))
		store.Add(c, t.RestAPIs, store.ID(str(id)), rec)
		return nil
	})
}

// putDocumentation lets rec name its documentation as edit leaves it. The
// caller puts rec.
func (s *Service) putDocumentation(ctx context.Context, c *store.Change, t record.Tables, rec *record.RestAPI, edit func(d *record.Documentation) error) error {
	docs, err := t.LoadDocumentation(ctx, rec.Documentation)
	if err != nil {
		return err
	}
	if err := edit(docs); err != nil {
		return err
	}
	if len(docs.Parts) > s.opt.Limits.DocumentationPartsPerAPI {
		return errLimit("Documentation Parts")
	}
	if len(docs.Parts) == 0 {
		rec.Documentation = ""
		return nil
	}
	b, err := docs.Encode()
	if err != nil {
		return err
	}
	if len(b) > maxDefinition {
		return api.LimitExceededException("The documentation of the API is too large") // AWS: undocumented text
	}
	ref, ops, err := t.Blobs.Stage(ctx, b)
	if err != nil {
		return err
	}
	rec.Documentation = ref
	c.Do(ops...)
	return nil
}

// partIndex is where the part with an id stands, or -1.
func partIndex(d *record.Documentation, id *string) int {
	return slices.IndexFunc(d.Parts, func(p api.DocumentationPart) bool { return *p.Id == str(id) })
}

// partAt is where the part about a location stands, or -1.
func partAt(d *record.Documentation, loc *api.DocumentationPartLocation) int {
	return slices.IndexFunc(d.Parts, func(p api.DocumentationPart) bool { return sameLocation(p.Location, loc) })
}

func sameLocation(a, b *api.DocumentationPartLocation) bool {
	return locationText(a) == locationText(b)
}

// locationText names a location, with all that it leaves open filled in.
//
// AWS: the path is "/", the method and the status code are "*" unless they are
// given (API reference of DocumentationPartLocation).
func locationText(loc *api.DocumentationPartLocation) string {
	parts := []string{"type '" + str(loc.Type) + "'"}
	for _, f := range openapi.LocationFields(str(loc.Type)) {
		value := ""
		switch f {
		case "path":
			value = orText(loc.Path, "/")
		case "method":
			value = strings.ToUpper(orText(loc.Method, "*"))
		case "statusCode":
			value = orText(loc.StatusCode, "*")
		case "name":
			value = str(loc.Name)
		}
		parts = append(parts, f+" '"+value+"'")
	}
	return strings.Join(parts, ", ")
}

// orText is what p points to, or otherwise if that is nothing.
func orText(p *string, otherwise string) string {
	if str(p) == "" {
		return otherwise
	}
	return *p
}

// newPart gives a part an id that no other has.
func newPart(d *record.Documentation, loc *api.DocumentationPartLocation, properties string) api.DocumentationPart {
	id := freshID(shortIDLen, func(id string) bool { return partIndex(d, &id) >= 0 })
	return api.DocumentationPart{Id: new(id), Location: loc, Properties: new(properties)}
}

// checkProperties refuses what cannot be the content of a part.
//
// AWS: properties are a map, written as JSON (API reference of
// DocumentationPart); neither text is recorded.
func checkProperties(properties string) error {
	if strings.TrimSpace(properties) == "" {
		return api.BadRequestException("Documentation part properties must be non-empty")
	}
	var m map[string]json.RawMessage
	if err := json.Unmarshal([]byte(properties), &m); err != nil || m == nil {
		return api.BadRequestException("Invalid documentation part properties specified. Properties must be a JSON object")
	}
	return nil
}

// CreateDocumentationPart documents one part of an API.
func (s *Service) CreateDocumentationPart(ctx context.Context, in *api.CreateDocumentationPartInput) (*api.DocumentationPart, error) {
	var out api.DocumentationPart
	err := s.editDocumentation(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(d *record.Documentation) error {
		if why := openapi.CheckLocation(in.Location); why != "" {
			return api.BadRequestException(why)
		}
		if err := checkProperties(str(in.Properties)); err != nil {
			return err
		}
		if partAt(d, in.Location) >= 0 {
			// AWS: seen in reports, not recorded.
			return api.ConflictException("Documentation part already exists for the specified location: " + locationText(in.Location) + ".")
		}
		out = newPart(d, in.Location, *in.Properties)
		d.Parts = append(d.Parts, out)
		return nil
	})
	return &out, err
}

// GetDocumentationPart returns one part.
func (s *Service) GetDocumentationPart(ctx context.Context, in *api.GetDocumentationPartInput) (*api.DocumentationPart, error) {
	rec, err := s.restAPI(ctx, in.RestApiId, errDocumentationPart())
	if err != nil {
		return nil, err
	}
	d, err := s.tables(ctx).LoadDocumentation(ctx, rec.Documentation)
	if err != nil {
		return nil, err
	}
	i := partIndex(d, in.DocumentationPartId)
	if i < 0 {
		return nil, errDocumentationPart()
	}
	return &d.Parts[i], nil
}

// GetDocumentationParts lists the parts that fit all that is asked for: those
// that were written, or with locationStatus UNDOCUMENTED the places of the API
// that nothing was written about.
func (s *Service) GetDocumentationParts(ctx context.Context, in *api.GetDocumentationPartsInput) (*api.DocumentationParts, error) {
	rec, err := s.restAPI(ctx, in.RestApiId, errAPI(ctx, in.RestApiId))
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	d, err := t.LoadDocumentation(ctx, rec.Documentation)
	if err != nil {
		return nil, err
	}
	parts := d.Parts
	if str(in.LocationStatus) == api.LocationStatusTypeUndocumented {
		def, err := s.defs.load(ctx, t, rec.Definition)
		if err != nil {
			return nil, err
		}
		parts = undocumented(def, d)
	}
	parts = slices.DeleteFunc(slices.Clone(parts), func(p api.DocumentationPart) bool { return !askedFor(p.Location, in) })
	items, next, err := page(parts, func(p *api.DocumentationPart) string { return locationText(p.Location) }, in.Position, in.Limit)
	if err != nil {
		return nil, err
	}
	return &api.DocumentationParts{Items: items, Position: next}, nil
}

// askedFor reports whether a location fits the filters of a list.
//
// AWS: how the name is compared is undocumented; from its beginning, as that of
// an API key.
func askedFor(loc *api.DocumentationPartLocation, in *api.GetDocumentationPartsInput) bool {
	return (str(in.Type) == "" || str(loc.Type) == *in.Type) &&
		(str(in.Path) == "" || str(loc.Path) == *in.Path) &&
		strings.HasPrefix(str(loc.Name), str(in.NameQuery))
}

// UpdateDocumentationPart changes what a part says.
func (s *Service) UpdateDocumentationPart(ctx context.Context, in *api.UpdateDocumentationPartInput) (*api.DocumentationPart, error) {
	var out api.DocumentationPart
	err := s.editDocumentation(ctx, in.RestApiId, errDocumentationPart(), func(d *record.Documentation) error {
		i := partIndex(d, in.DocumentationPartId)
		if i < 0 {
			return errDocumentationPart()
		}
		if err := documentationPartPatches.apply(&d.Parts[i], in.PatchOperations); err != nil {
			return err
		}
		out = d.Parts[i]
		return nil
	})
	return &out, err
}

// documentationPartPatches is UpdateDocumentationPart.
var documentationPartPatches = patchTable[api.DocumentationPart]{refuse: refuseListing[api.DocumentationPart], rules: []patchRule[api.DocumentationPart]{
	{path: "/properties", replace: func(p *api.DocumentationPart, o patchOp) error {
		if err := checkProperties(o.value); err != nil {
			return err
		}
		p.Properties = new(o.value)
		return nil
	}},
}}

// DeleteDocumentationPart removes a part.
func (s *Service) DeleteDocumentationPart(ctx context.Context, in *api.DeleteDocumentationPartInput) error {
	return s.editDocumentation(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(d *record.Documentation) error {
		i := partIndex(d, in.DocumentationPartId)
		if i < 0 {
			return errDocumentationPart()
		}
		d.Parts = slices.Delete(d.Parts, i, i+1)
		return nil
	})
}

// ImportDocumentationParts takes the parts out of an OpenAPI document: instead
// of those that are there, or to them.
func (s *Service) ImportDocumentationParts(ctx context.Context, in *api.ImportDocumentationPartsInput) (*api.DocumentationPartIds, error) {
	t := s.tables(ctx)
	doc, err := openapi.ImportDocumentation(in.Body, importOptions(t.Scope, str(in.RestApiId)))
	if err != nil {
		return nil, importError(err)
	}
	if is(in.FailOnWarnings) {
		if err := doc.Strict(); err != nil {
			return nil, importError(err)
		}
	}
	out := api.DocumentationPartIds{Ids: []string{}, Warnings: doc.Warnings}
	err = s.editDocumentation(ctx, in.RestApiId, errAPI(ctx, in.RestApiId), func(d *record.Documentation) error {
		if str(in.Mode) == api.PutModeOverwrite {
			d.Parts = nil
		}
		out.Ids = mergeDocumentation(d, doc.Documentation)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &out, nil
}

// importDocumentation merges the documentation that came with an API's
// document.
//
// AWS: what becomes of the parts that an overwriting import does not speak of is
// undocumented: they stay, for people write them by other calls than the import.
func (s *Service) importDocumentation(ctx context.Context, c *store.Change, t record.Tables, rec *record.RestAPI, doc *openapi.API) error {
	if len(doc.Documentation) == 0 {
		return nil
	}
	return s.putDocumentation(ctx, c, t, rec, func(d *record.Documentation) error {
		mergeDocumentation(d, doc.Documentation)
		return nil
	})
}

// mergeDocumentation puts parts into a documentation and returns their ids. Of
// a place that is documented already, what the new part does not speak of
// stays.
//
// AWS: "Import API documentation" (api-gateway-documenting-api-quick-start-import-export).
func mergeDocumentation(d *record.Documentation, parts []api.DocumentationPart) (ids []string) {
	at := make(map[string]int, len(d.Parts)) // by location
	taken := make(map[string]bool, len(d.Parts))
	for i, p := range d.Parts {
		at[locationText(p.Location)] = i
		taken[*p.Id] = true
	}
	for _, p := range parts {
		key := locationText(p.Location)
		i, ok := at[key]
		if ok {
			d.Parts[i].Properties = new(mergeProperties(*d.Parts[i].Properties, *p.Properties))
		} else {
			i = len(d.Parts)
			at[key] = i
			p.Id = new(freshID(shortIDLen, func(id string) bool { return taken[id] }))
			taken[*p.Id] = true
			d.Parts = append(d.Parts, p)
		}
		ids = append(ids, *d.Parts[i].Id)
	}
	return ids
}

// mergeProperties adds the members of one object to those of another, where
// they win. Both are the text of objects.
func mergeProperties(old, added string) string {
	var m, more map[string]json.RawMessage
	if json.Unmarshal([]byte(old), &m) != nil || json.Unmarshal([]byte(added), &more) != nil {
		return added // cannot be: both were checked
	}
	for key, v := range more {
		m[key] = v
	}
	b, err := json.Marshal(m)
	if err != nil {
		return added
	}
	return string(b)
}
