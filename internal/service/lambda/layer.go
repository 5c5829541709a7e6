package lambda

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// maxLayers is how many layers a function may have. AWS: Lambda quotas.
const maxLayers = 5

// A layerName is a layer, or with a number a version of it.
type layerName struct {
	scope  record.Scope
	name   string
	number int64
}

func (l layerName) arn() string {
	a := arn.ARN{Partition: arn.Partition(l.scope.Region), Service: "lambda", Region: l.scope.Region, Account: l.scope.Account, Resource: "layer:" + l.name}
	return a.String()
}

// versionARN is the ARN of the version.
func (l layerName) versionARN() string { return l.arn() + ":" + strconv.FormatInt(l.number, 10) }

// parseLayer reads the ARN of a layer, or of a version of it.
func parseLayer(s string) (layerName, bool) {
	a, err := arn.Parse(s)
	if err != nil || a.Service != "lambda" {
		return layerName{}, false
	}
	rest, ok := strings.CutPrefix(a.Resource, "layer:")
	name, version, numbered := strings.Cut(rest, ":")
	l := layerName{scope: record.Scope{Account: a.Account, Region: a.Region}, name: name}
	if numbered {
		if l.number, err = strconv.ParseInt(version, 10, 64); err != nil {
			return layerName{}, false
		}
	}
	return l, ok && layerPattern.MatchString(name)
}

var layerPattern = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)

// layerOf reads the name or ARN of a layer of the caller.
func layerOf(ctx context.Context, name *string, number *int64) (layerName, error) {
	c := awsrpc.CallerFrom(ctx)
	own := record.Scope{Account: c.Account, Region: c.Region}
	l, ok := parseLayer(str(name))
	if !ok {
		l = layerName{scope: own, name: str(name)}
		if !layerPattern.MatchString(l.name) {
			return l, violation(str(name), "layerName", `Member must satisfy regular expression pattern: (arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\d{12}:layer:[a-zA-Z0-9-_]+)|[a-zA-Z0-9-_]+`)
		}
	}
	if number != nil {
		if l.number = *number; l.number < 1 {
			return l, errParameter("Layer Version Cannot be less than 1")
		}
	}
	if l.scope != own {
		return l, &awsrpc.Error{Code: "AccessDeniedException", Status: 403, Message: "User: " + c.PrincipalARN +
			" is not authorized to perform: lambda:GetLayerVersion on resource: " + l.versionARN() +
			" because no resource-based policy allows the lambda:GetLayerVersion action"}
	}
	return l, nil
}

// setLayers gives a function its layers.
//
// AWS: texts recorded. Layers of other accounts need their policy's leave and
// Gatehouse keeps accounts apart: they are refused as AWS refuses them.
func (s *Service) setLayers(ctx context.Context, code *record.FunctionCode, arns []string) error {
	if len(arns) > maxLayers {
		return errParameter("Cannot reference more than 5 layers.")
	}
	code.Layers, code.LayerZips, code.LayersUnpacked = nil, nil, 0
	seen := map[string]string{}
	for _, name := range arns {
		l, ok := parseLayer(name)
		if !ok || l.number == 0 {
			return violation("["+name+"]", "layers", "Member must satisfy constraint: [Member must have length less than or equal to 140, "+
				"Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: "+
				`(arn:[a-zA-Z0-9-]+:lambda:[a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1}:\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+), Member must not be null]`)
		}
		if c := awsrpc.CallerFrom(ctx); l.scope.Account == c.Account && l.scope.Region != c.Region {
			return errParameter("Layers are not in the same region as the function. Layers are expected to be in region " + c.Region + ".")
		}
		if _, err := layerOf(ctx, &name, nil); err != nil {
			return err
		}
		v, _, err := s.tables(ctx).LayerVersions.Find(ctx, errParameter("Layer version "+name+" does not exist."), l.name, layerID(l.number))
		if err != nil {
			return err
		}
		if other := seen[l.name]; other != "" {
			return errParameter("Two different versions of the same layer are not allowed to be referenced in the same function. " +
				other + " and " + name + " are versions of the same layer.")
		}
		seen[l.name] = name
		code.Layers = append(code.Layers, api.Layer{Arn: new(name), CodeSize: v.Content.CodeSize})
		code.LayerZips = append(code.LayerZips, v.Zip)
		code.LayersUnpacked += v.Unpacked
	}
	return nil
}

// layerID writes a number so that ids are in its order.
func layerID(number int64) string {
	text := strconv.FormatInt(number, 10)
	return strings.Repeat("0", max(0, 12-len(text))) + text
}

// PublishLayerVersion makes a new version of a layer.
func (s *Service) PublishLayerVersion(ctx context.Context, in *api.PublishLayerVersionInput) (*api.PublishLayerVersionResponse, error) {
	l, err := layerOf(ctx, in.LayerName, nil)
	if err != nil {
		return nil, err
	}
	if err := checkCompatible(in.CompatibleRuntimes); err != nil {
		return nil, err
	}
	c := in.Content
	content, err := s.read(ctx, source{c.ZipFile, c.S3Bucket, c.S3Key, c.S3ObjectVersion, c.S3ObjectStorageMode})
	if err != nil {
		return nil, err
	}
	if err := s.checkStorage(ctx, int64(len(content))); err != nil {
		return nil, err
	}
	ref, staged, err := s.keep(ctx, content)
	if err != nil {
		return nil, err
	}
	t := s.tables(ctx)
	rec := record.LayerVersion{Scope: l.scope, Name: l.name, Zip: ref, Unpacked: unpackedSize(content), PublishLayerVersionResponse: api.PublishLayerVersionResponse{
		Content:  &api.LayerVersionContentOutput{CodeSha256: hashOf(content), CodeSize: new(int64(len(content)))},
		LayerArn: new(l.arn()), Description: new(str(in.Description)), CreatedDate: timestamp(), LicenseInfo: in.LicenseInfo,
		CompatibleArchitectures: in.CompatibleArchitectures, CompatibleRuntimes: in.CompatibleRuntimes,
	}}
	err = s.commit(ctx, func(c *store.Change) (err error) {
		if l.number, err = nextNumber(ctx, c, t.LayerNumbers, l.name); err != nil {
			return err
		}
		rec.Number, rec.Version, rec.LayerVersionArn = l.number, new(l.number), new(l.versionARN())
		c.Do(staged...)
		store.Add(c, t.LayerVersions, store.ID(l.name, layerID(l.number)), rec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.shownLayer(ctx, &rec), nil
}

// checkCompatible refuses runtimes that AWS does not know.
func checkCompatible(runtimes []string) error {
	for _, r := range runtimes {
		if !slices.Contains(runtimeValues(), r) {
			return violation("["+strings.Join(runtimes, ", ")+"]", "compatibleRuntimes", "Member must satisfy constraint: [Member must satisfy enum value set: ["+
				strings.Join(runtimeValues(), ", ")+"]]")
		}
	}
	return nil
}

// shownLayer is a version of a layer with the address of its content.
func (s *Service) shownLayer(ctx context.Context, rec *record.LayerVersion) *api.PublishLayerVersionResponse {
	out := rec.PublishLayerVersionResponse
	content := *out.Content
	content.Location = new(s.download(ctx, rec.Zip))
	out.Content = &content
	return &out
}

// GetLayerVersion returns a version of a layer.
func (s *Service) GetLayerVersion(ctx context.Context, in *api.GetLayerVersionInput) (*api.GetLayerVersionResponse, error) {
	l, err := layerOf(ctx, in.LayerName, in.VersionNumber)
	if err != nil {
		return nil, err
	}
	return s.getLayer(ctx, l)
}

// GetLayerVersionByArn returns a version of a layer.
func (s *Service) GetLayerVersionByArn(ctx context.Context, in *api.GetLayerVersionByArnInput) (*api.GetLayerVersionResponse, error) {
	l, err := layerOf(ctx, in.Arn, nil)
	if err != nil {
		return nil, err
	}
	return s.getLayer(ctx, l)
}

func (s *Service) getLayer(ctx context.Context, l layerName) (*api.GetLayerVersionResponse, error) {
	rec, _, err := s.tables(ctx).LayerVersions.Find(ctx, errGone(), l.name, layerID(l.number))
	if err != nil {
		return nil, err
	}
	return new(api.GetLayerVersionResponse(*s.shownLayer(ctx, &rec))), nil
}

// matches reports whether a version of a layer is for a runtime and an
// architecture, if the call asks for one.
func matches(rec *record.LayerVersion, runtime, architecture *string) bool {
	return (runtime == nil || slices.Contains(rec.CompatibleRuntimes, *runtime)) &&
		(architecture == nil || slices.Contains(rec.CompatibleArchitectures, *architecture))
}

// item is a version of a layer as lists show it.
func item(rec *record.LayerVersion) api.LayerVersionsListItem {
	return api.LayerVersionsListItem{
		LayerVersionArn: rec.LayerVersionArn, Version: rec.Version, Description: rec.Description, CreatedDate: rec.CreatedDate,
		CompatibleArchitectures: rec.CompatibleArchitectures, CompatibleRuntimes: rec.CompatibleRuntimes, LicenseInfo: rec.LicenseInfo,
	}
}

// ListLayerVersions lists the versions of a layer, newest first.
func (s *Service) ListLayerVersions(ctx context.Context, in *api.ListLayerVersionsInput) (*api.ListLayerVersionsResponse, error) {
	l, err := layerOf(ctx, in.LayerName, nil)
	if err != nil {
		return nil, err
	}
	rows, err := s.tables(ctx).LayerVersions.All(ctx, l.name)
	if err != nil {
		return nil, err
	}
	var list []api.LayerVersionsListItem
	for _, row := range slices.Backward(rows) {
		if matches(&row.Value, in.CompatibleRuntime, in.CompatibleArchitecture) {
			list = append(list, item(&row.Value))
		}
	}
	items, next, err := page(list, func(v *api.LayerVersionsListItem) string { return str(v.LayerVersionArn) }, in.Marker, in.MaxItems)
	return &api.ListLayerVersionsResponse{LayerVersions: items, NextMarker: next}, err
}

// ListLayers lists the layers, each with its newest version that matches.
func (s *Service) ListLayers(ctx context.Context, in *api.ListLayersInput) (*api.ListLayersResponse, error) {
	rows, err := s.tables(ctx).LayerVersions.All(ctx)
	if err != nil {
		return nil, err
	}
	var list []api.LayersListItem
	for _, row := range rows { // by name, then by number
		if !matches(&row.Value, in.CompatibleRuntime, in.CompatibleArchitecture) {
			continue
		}
		next := api.LayersListItem{LayerName: new(row.Value.Name), LayerArn: row.Value.LayerArn, LatestMatchingVersion: new(item(&row.Value))}
		if n := len(list); n > 0 && *list[n-1].LayerName == row.Value.Name {
			list[n-1] = next
		} else {
			list = append(list, next)
		}
	}
	items, next, err := page(list, func(l *api.LayersListItem) string { return str(l.LayerName) }, in.Marker, in.MaxItems)
	return &api.ListLayersResponse{Layers: items, NextMarker: next}, err
}

// DeleteLayerVersion removes a version of a layer; functions that have it keep
// it. One that is not there is no error.
//
// AWS: "To avoid breaking functions, a copy of the version remains in Lambda
// until no functions refer to it." (DeleteLayerVersion)
func (s *Service) DeleteLayerVersion(ctx context.Context, in *api.DeleteLayerVersionInput) error {
	l, err := layerOf(ctx, in.LayerName, in.VersionNumber)
	if err != nil {
		return err
	}
	t := s.tables(ctx)
	return s.commit(ctx, func(c *store.Change) error {
		c.Do(t.LayerVersions.Delete(store.ID(l.name, layerID(l.number))))
		return nil
	})
}
