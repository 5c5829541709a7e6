package sam

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strings"
)

const functionProperties = "AlwaysDeploy Architectures AssumeRolePolicyDocument AutoPublishAlias AutoPublishAliasAllProperties AutoPublishCodeSha256 CodeSigningConfigArn CodeUri " +
	"DeadLetterQueue DeploymentPreference Description Environment EphemeralStorage EventInvokeConfig Events FileSystemConfigs FunctionName FunctionUrlConfig Handler " +
	"ImageConfig ImageUri InlineCode KmsKeyArn Layers LoggingConfig MemorySize PackageType PermissionsBoundary Policies PropagateTags ProvisionedConcurrencyConfig RecursiveLoop " +
	"ReservedConcurrentExecutions Role RolePath Runtime RuntimeManagementConfig SnapStart SourceKMSKeyArn Tags Timeout Tracing VersionDescription VersionDeletionPolicy VpcConfig " +
	"CapacityProviderConfig DurableConfig FunctionScalingConfig PublishToLatestPublished TenancyConfig"

// A function is a function on its way, with what events call: itself or an alias.
type function struct {
	*resource
	target object // Ref of what is called
	short  string // its ARN within Fn::Sub
}

// function makes a function, its role, version, alias, and what its events ask for.
func (t *translator) function(r *resource) {
	if !t.known(r, functionProperties) || t.shifts(r) && t.refuse(r, "DeploymentPreference") || t.refuse(r, "FunctionUrlConfig", "EventInvokeConfig", "FileSystemConfigs", "CodeSigningConfigArn", "RecursiveLoop",
		"CapacityProviderConfig", "DurableConfig", "FunctionScalingConfig", "PublishToLatestPublished", "TenancyConfig") {
		return
	}
	props := object{}
	copyTo(props, r.props, "Architectures Description Environment EphemeralStorage FunctionName Handler ImageConfig KmsKeyArn Layers LoggingConfig MemorySize PackageType "+
		"ReservedConcurrentExecutions Role Runtime RuntimeManagementConfig SnapStart Timeout VpcConfig")
	code, ok := t.code(r)
	if !ok {
		return
	}
	props["Code"] = code
	if q := asObject(r.props["DeadLetterQueue"]); q != nil {
		props["DeadLetterConfig"] = object{"TargetArn": q["TargetArn"]}
	}
	if mode, ok := r.props["Tracing"]; ok {
		props["TracingConfig"] = object{"Mode": mode}
	}
	props["Tags"] = append([]any{object{"Key": "lambda:createdBy", "Value": "SAM"}}, tagList(r.props["Tags"])...)
	role := r.props["Role"]
	if role == nil {
		t.role(r)
		props["Role"] = getAtt(r.id+"Role", "Arn")
	}
	t.add(r.id, "AWS::Lambda::Function", props, r.own())
	fn := &function{resource: r, target: ref(r.id), short: "${" + r.id + ".Arn}"}
	t.alias(fn, props)
	t.events(fn)
	t.propagate(r, r.id, r.id+"Role")
}

// shifts tells whether a function has its traffic shifted to new versions.
//
// AWS: deployment_preference.py; what it cannot tell is enabled.
func (t *translator) shifts(r *resource) bool {
	v, has := r.props["DeploymentPreference"]
	preference, ok := v.(object)
	if !ok {
		return has
	}
	if len(preference) == 0 {
		return false
	}
	enabled, has := preference["Enabled"]
	switch v := t.mapped(t.resolve(enabled)).(type) {
	case nil:
		return !has
	case bool:
		return v
	case string:
		return v != "" && v != "false" && v != "False"
	}
	return true
}

// propagate gives all that was made of a resource its tags, and no others.
//
// AWS: model/__init__.py, propagate_tags.
func (t *translator) propagate(r *resource, made ...string) {
	tags := asObject(r.props["Tags"])
	if r.props["PropagateTags"] != true || len(tags) == 0 {
		return
	}
	for _, id := range made {
		res := asObject(t.out[id])
		props := asObject(res["Properties"])
		switch typ := text(res["Type"]); typ {
		case "AWS::Lambda::Function", "AWS::IAM::Role", "AWS::ApiGateway::RestApi", "AWS::ApiGateway::Stage", "AWS::ApiGateway::DomainName",
			"AWS::ApiGateway::DomainNameV2", "AWS::ApiGateway::UsagePlan", "AWS::ApiGateway::ApiKey", "AWS::ApiGateway::DomainNameAccessAssociation":
			props["Tags"] = tagList(tags)
		case "AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::DomainName":
			props["Tags"] = tags
		}
	}
}

// madeBy are the ids that do adds.
func (t *translator) madeBy(do func()) []string {
	before := maps.Clone(t.out)
	do()
	var ids []string
	for id := range t.out {
		if _, was := before[id]; !was {
			ids = append(ids, id)
		}
	}
	return ids
}

// code is where the code of a function comes from.
func (t *translator) code(r *resource) (object, bool) {
	set := 0
	for _, name := range []string{"CodeUri", "InlineCode", "ImageUri"} {
		if r.props[name] != nil {
			set++
		}
	}
	switch {
	case set > 1:
		t.fault(r.id, "Only one of 'InlineCode', 'CodeUri' or 'ImageUri' can be set.")
	case set == 0:
		t.fault(r.id, "Only one of 'InlineCode' or 'CodeUri' can be set.")
	case r.props["InlineCode"] != nil:
		return object{"ZipFile": r.props["InlineCode"]}, true
	case r.props["ImageUri"] != nil:
		return object{"ImageUri": r.props["ImageUri"]}, true
	default:
		return t.location(r, "CodeUri", "S3Bucket", "S3Key", "S3ObjectVersion")
	}
	return nil, false
}

// location reads a property that names an object of S3: a URI, or an object with
// Bucket, Key and Version.
func (t *translator) location(r *resource, property, bucket, key, version string) (object, bool) {
	switch v := r.props[property].(type) {
	case object:
		if v["Bucket"] == nil || v["Key"] == nil {
			t.fault(r.id, "'"+property+"' requires Bucket and Key properties to be specified.")
			return nil, false
		}
		out := object{bucket: v["Bucket"], key: v["Key"]}
		if v["Version"] != nil {
			out[version] = v["Version"]
		}
		return out, true
	case string:
		u, err := url.Parse(v)
		if err == nil && u.Scheme == "s3" && u.Host != "" && len(u.Path) > 1 {
			out := object{bucket: u.Host, key: u.Path[1:]}
			if id := u.Query().Get("versionId"); id != "" {
				out[version] = id
			}
			return out, true
		}
	}
	t.fault(r.id, "'"+property+"' is not a valid S3 Uri of the form 's3://bucket/key' with optional versionId query parameter.")
	return nil, false
}

// alias publishes a version and lets an alias point at it.
func (t *translator) alias(fn *function, made object) {
	name, ok := t.resolve(fn.props["AutoPublishAlias"]).(string)
	if !ok {
		if fn.props["AutoPublishAlias"] != nil {
			t.fault(fn.id, "AutoPublishAlias must be a string or a Ref to a template parameter")
		} else if fn.props["ProvisionedConcurrencyConfig"] != nil {
			t.fault(fn.id, "To set ProvisionedConcurrencyConfig AutoPublishALias must be defined on the function")
		}
		return
	}
	// AWS: a version is new when the code is, the environment, the memory or what is
	// snapped: its id ends with the hash of them (_construct_version).
	var of any = t.published(made)
	if sum, ok := fn.props["AutoPublishCodeSha256"].(string); ok {
		of = sum
		// AWS: so that a function with the same code uri has changed.
		made["Description"] = described(t.resolve(made["Description"]), sum)
	} else if all, _ := fn.props["AutoPublishAliasAllProperties"].(bool); all {
		of = made
	}
	suffix := shortHash(of)
	if sum, ok := of.(string); ok {
		suffix = sum[:min(10, len(sum))]
	}
	version, alias := fn.id+"Version"+suffix, fn.id+"Alias"+name
	props := object{"FunctionName": ref(fn.id)}
	if v := fn.props["VersionDescription"]; v != nil {
		props["Description"] = v
	}
	attributes := fn.passed()
	if _, own := attributes["DeletionPolicy"]; !own {
		attributes["DeletionPolicy"] = fn.props["VersionDeletionPolicy"]
	}
	if attributes["DeletionPolicy"] == nil {
		attributes["DeletionPolicy"] = "Retain"
	}
	t.add(version, "AWS::Lambda::Version", props, attributes)
	props = object{"FunctionName": ref(fn.id), "FunctionVersion": getAtt(version, "Version"), "Name": name}
	if v := fn.props["ProvisionedConcurrencyConfig"]; v != nil {
		props["ProvisionedConcurrencyConfig"] = v
	}
	t.add(alias, "AWS::Lambda::Alias", props, fn.passed())
	t.refs[fn.id+".Version"], t.refs[fn.id+".Alias"] = version, alias
	fn.target, fn.short = ref(alias), "${"+alias+"}"
}

// described is the description of a function whose code has this hash.
func described(description any, sum string) any {
	switch d := description.(type) {
	case nil:
		return sum
	case string:
		return strings.TrimLeft(d+" "+sum, " ")
	}
	return object{"Fn::Join": []any{" ", []any{description, sum}}}
}

// permission lets a service call a function.
func (t *translator) permission(id string, fn *function, principal string, more object) {
	props := object{"Action": "lambda:InvokeFunction", "FunctionName": fn.target, "Principal": principal}
	maps.Copy(props, more)
	t.add(id, "AWS::Lambda::Permission", props, fn.passed())
}

// layer makes a layer. A change makes a new one, and the old one stays.
func (t *translator) layer(r *resource) {
	if !t.known(r, "LayerName Description ContentUri CompatibleArchitectures CompatibleRuntimes LicenseInfo RetentionPolicy PublishLambdaVersion") {
		return
	}
	content, ok := t.location(r, "ContentUri", "S3Bucket", "S3Key", "S3ObjectVersion")
	if !ok {
		return
	}
	props := object{"Content": content, "LayerName": r.id}
	copyTo(props, r.props, "LayerName Description CompatibleArchitectures CompatibleRuntimes LicenseInfo")
	attributes := r.own()
	switch policy := t.resolve(r.props["RetentionPolicy"]); {
	case policy == nil, strings.EqualFold(text(policy), "Retain"):
		if policy != nil || attributes["DeletionPolicy"] == nil {
			attributes["DeletionPolicy"] = "Retain"
		}
	case strings.EqualFold(text(policy), "Delete"):
		attributes["DeletionPolicy"] = "Delete"
	default:
		t.fault(r.id, "'RetentionPolicy' must be one of the following options: ['Retain', 'Delete'].")
		return
	}
	// AWS: the id ends with the hash of the whole resource (SamLayerVersion).
	id := r.id + shortHash(object{r.id: object{"Type": r.typ, "Properties": r.props}})
	t.at[r.id] = id
	t.add(id, "AWS::Lambda::LayerVersion", props, attributes)
}

// eventNames are the events of a function in order: by their paths, or by their
// own names where they have none. What serves the requests that no route matches
// ($default) so comes before the routes, and saves them their permissions.
//
// AWS: sam_resources.py, order_events.
func eventNames(fn *resource) []string {
	events := asObject(fn.props["Events"])
	key := func(name string) string {
		event := asObject(events[name])
		switch path := text(asObject(event["Properties"])["Path"]); {
		case path != "":
			return path
		case event["Type"] == "HttpApi":
			return defaultPath
		}
		return name
	}
	list := slices.Sorted(maps.Keys(events))
	slices.SortStableFunc(list, func(a, b string) int { return cmp.Compare(key(a), key(b)) })
	return list
}

// published is what of a function makes a version another one.
func (t *translator) published(made object) object {
	of := maps.Clone(asObject(t.resolve(made["Code"])))
	maps.Copy(of, asObject(made["Environment"]))
	if v := made["MemorySize"]; v != nil {
		of["MemorySize"] = v
	}
	if v := made["SnapStart"]; v != nil && asObject(v)["ApplyOn"] != nil && asObject(v)["ApplyOn"] != "None" {
		of["SnapStart"] = v
	}
	return of
}
