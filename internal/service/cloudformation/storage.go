package cloudformation

import (
	"context"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
)

// storageKinds are buckets and parameters.
func storageKinds() []*kind {
	return []*kind{
		{
			Type: "AWS::S3::Bucket", service: "s3",
			props: "AccessControl BucketName! BucketEncryption LifecycleConfiguration OwnershipControls PublicAccessBlockConfiguration Tags VersioningConfiguration",
			makes: makeBucket, turns: turnBucket, reads: readBucket,
			ends: func(ctx context.Context, w *worker) error {
				_, err := w.call(ctx, "DeleteBucket", map[string]any{"Bucket": w.id})
				return err
			},
		},
		{
			Type: "AWS::S3::BucketPolicy", service: "s3", props: "Bucket! PolicyDocument#",
			makes: func(ctx context.Context, w *worker) error {
				w.id = w.text("Bucket")
				return putBucketPolicy(ctx, w)
			},
			turns: putBucketPolicy, reads: readBucketPolicy,
			ends: func(ctx context.Context, w *worker) error {
				_, err := w.call(ctx, "DeleteBucketPolicy", map[string]any{"Bucket": w.id})
				return err
			},
		},
		{
			Type: "AWS::SSM::Parameter", service: "ssm", props: "Name! Type! Value AllowedPattern DataType! Description Policies Tags@ Tier",
			makes: func(ctx context.Context, w *worker) error { return putParameter(ctx, w, false) },
			turns: func(ctx context.Context, w *worker) error { return putParameter(ctx, w, true) },
			reads: readParameter,
			ends: func(ctx context.Context, w *worker) error {
				_, err := w.call(ctx, "DeleteParameter", map[string]any{"Name": w.id})
				return goneWith(err, "ParameterNotFound")
			},
		},
	}
}

func putParameter(ctx context.Context, w *worker, again bool) error {
	if w.text("Type") == "SecureString" {
		return awsrpc.Validation("#/Type: #: SecureString is no type that templates make") // AWS: as the reference says
	}
	in := maps.Clone(w.props)
	in["Overwrite"] = again
	tags := asMembers(in["Tags"])
	delete(in, "Tags")
	if in["Name"] == nil {
		in["Name"] = w.physicalName(200)
	}
	if again {
		in["Name"] = w.id
	}
	if _, err := w.call(ctx, "PutParameter", in); err != nil {
		return err
	}
	w.id, _ = textOf(in["Name"])
	w.attributes["Type"], w.attributes["Value"] = w.props["Type"], w.props["Value"]
	return tagParameter(ctx, w, tags, asMembers(w.old["Tags"]))
}

func tagParameter(ctx context.Context, w *worker, tags, old map[string]any) error {
	about := func() map[string]any { return map[string]any{"ResourceType": "Parameter", "ResourceId": w.id} }
	if gone := slices.Collect(maps.Keys(without(old, tags))); len(gone) > 0 {
		in, keys := about(), []any{}
		for _, k := range gone {
			keys = append(keys, k)
		}
		in["TagKeys"] = keys
		if _, err := w.call(ctx, "RemoveTagsFromResource", in); err != nil {
			return err
		}
	}
	if len(tags) == 0 {
		return nil
	}
	in, list := about(), []any{}
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, map[string]any{"Key": k, "Value": tags[k]})
	}
	in["Tags"] = list
	_, err := w.call(ctx, "AddTagsToResource", in)
	return err
}

func putBucketPolicy(ctx context.Context, w *worker) error {
	text, isText := w.props["PolicyDocument"].(string)
	if !isText {
		text = marshalText(w.props["PolicyDocument"])
	}
	_, err := w.call(ctx, "PutBucketPolicy", map[string]any{"Bucket": w.text("Bucket"), "Body": []byte(text)})
	return err
}

func makeBucket(ctx context.Context, w *worker) error {
	name := w.text("BucketName")
	if name == "" {
		name = strings.Trim(strings.ToLower(w.physicalName(63)), "-")
	}
	in := map[string]any{"Bucket": name}
	if w.t.region != "us-east-1" {
		in["Body"] = []byte("<CreateBucketConfiguration><LocationConstraint>" + w.t.region + "</LocationConstraint></CreateBucketConfiguration>")
	}
	if _, err := w.call(ctx, "CreateBucket", in); err != nil {
		return err
	}
	w.id = name
	w.attributes["Arn"] = "arn:" + partition(w.t.region) + ":s3:::" + name
	w.attributes["DomainName"] = name + ".s3.amazonaws.com"
	w.attributes["RegionalDomainName"] = name + ".s3." + w.t.region + ".amazonaws.com"
	w.attributes["DualStackDomainName"] = name + ".s3.dualstack." + w.t.region + ".amazonaws.com"
	return turnBucket(ctx, w)
}

// turnBucket makes the settings of a bucket what the properties say.
func turnBucket(ctx context.Context, w *worker) error {
	if acl := w.text("AccessControl"); acl != "" && acl != "Private" { // as the template of the CDK's bootstrap says
		return awsrpc.Validation("Gatehouse does not support the AccessControl " + acl + ": access lists are disabled")
	}
	if err := checkOwnership(w.props["OwnershipControls"]); err != nil {
		return err
	}
	for _, s := range bucketSettings() {
		if same(w.old[s.property], w.props[s.property]) {
			continue
		}
		in := map[string]any{"Bucket": w.id}
		if w.props[s.property] == nil {
			if s.remove == "" {
				in["Body"] = []byte(s.gone)
				if _, err := w.call(ctx, s.put, in); err != nil {
					return err
				}
			} else if _, err := w.call(ctx, s.remove, in); err != nil {
				return err
			}
			continue
		}
		body, err := s.body(w.props[s.property])
		if err != nil {
			return err
		}
		in["Body"] = []byte(strings.Replace(body, ">", ` xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`, 1))
		if _, err := w.call(ctx, s.put, in); err != nil {
			return err
		}
	}
	return nil
}

// checkOwnership refuses access lists, which no bucket has.
func checkOwnership(v any) error {
	rules, _ := asMembers(v)["Rules"].([]any)
	for _, r := range rules {
		if how, _ := textOf(asMembers(r)["ObjectOwnership"]); how != "BucketOwnerEnforced" {
			return awsrpc.Validation("Gatehouse does not support the object ownership " + how + ": access lists are disabled")
		}
	}
	return nil
}

// A bucketSetting is a property of a bucket that an operation of its own puts.
type bucketSetting struct {
	property, put, remove string
	gone                  string // the document that stands for none, without remove
	body                  func(v any) (string, error)
}

func bucketSettings() []bucketSetting {
	return []bucketSetting{
		{"VersioningConfiguration", "PutBucketVersioning", "", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>", func(v any) (string, error) {
			return xmlOf("VersioningConfiguration", v), nil
		}},
		{"PublicAccessBlockConfiguration", "PutPublicAccessBlock", "DeletePublicAccessBlock", "", func(v any) (string, error) {
			return xmlOf("PublicAccessBlockConfiguration", v), nil
		}},
		{"BucketEncryption", "PutBucketEncryption", "DeleteBucketEncryption", "", func(v any) (string, error) {
			var rules []any
			for _, r := range items(asMembers(v)["ServerSideEncryptionConfiguration"]) {
				rule := map[string]any{"ApplyServerSideEncryptionByDefault": asMembers(r)["ServerSideEncryptionByDefault"]}
				if k, has := asMembers(r)["BucketKeyEnabled"]; has {
					rule["BucketKeyEnabled"] = k
				}
				rules = append(rules, rule)
			}
			return xmlOf("ServerSideEncryptionConfiguration", map[string]any{"Rule": rules}), nil
		}},
		{"LifecycleConfiguration", "PutBucketLifecycleConfiguration", "DeleteBucketLifecycle", "", lifecycleOf},
		{"Tags", "PutBucketTagging", "DeleteBucketTagging", "", func(v any) (string, error) {
			return xmlOf("Tagging", map[string]any{"TagSet": map[string]any{"Tag": v}}), nil
		}},
	}
}

func items(v any) []any {
	list, _ := v.([]any)
	return list
}

// lifecycleOf is a life cycle as the API takes it: templates have other names
// for its actions.
func lifecycleOf(v any) (string, error) {
	var rules []any
	for _, item := range items(asMembers(v)["Rules"]) {
		in, out := asMembers(item), map[string]any{"Filter": map[string]any{}}
		expiration := map[string]any{}
		for name, value := range in {
			switch name {
			case "Id":
				out["ID"] = value
			case "Status", "NoncurrentVersionExpiration":
				out[name] = value
			case "Prefix":
				out["Filter"] = map[string]any{"Prefix": value}
			case "ExpirationInDays":
				expiration["Days"] = value
			case "ExpiredObjectDeleteMarker":
				expiration[name] = value
			case "NoncurrentVersionExpirationInDays":
				out["NoncurrentVersionExpiration"] = map[string]any{"NoncurrentDays": value}
			case "AbortIncompleteMultipartUpload":
				out[name] = map[string]any{"DaysAfterInitiation": asMembers(value)["DaysAfterInitiation"]}
			default:
				return "", awsrpc.Validation("Gatehouse does not support " + name + " in rules of a life cycle")
			}
		}
		if len(expiration) > 0 {
			out["Expiration"] = expiration
		}
		rules = append(rules, out)
	}
	return xmlOf("LifecycleConfiguration", map[string]any{"Rule": rules}), nil
}

// xmlOf writes a value as XML: members become elements, lists repeat theirs.
func xmlOf(name string, v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case []any:
		var b strings.Builder
		for _, e := range v {
			b.WriteString(xmlOf(name, e))
		}
		return b.String()
	case map[string]any:
		var b strings.Builder
		for _, k := range slices.Sorted(maps.Keys(v)) {
			b.WriteString(xmlOf(k, v[k]))
		}
		return "<" + name + ">" + b.String() + "</" + name + ">"
	}
	text, _ := textOf(v)
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return fmt.Sprintf("<%s>%s</%s>", name, b.String(), name)
}
