package cloudformation

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
)

// readBucket reads what a bucket is: each setting that the template has by an
// operation of its own.
func readBucket(ctx context.Context, w *worker) (map[string]any, error) {
	is := map[string]any{"BucketName": w.id}
	doc, err := w.document(ctx, "GetBucketVersioning")
	if err != nil {
		return nil, err
	}
	is["VersioningConfiguration"] = doc
	for _, s := range []struct {
		property, get, none string
		form                func(doc, want map[string]any) any
	}{
		{"PublicAccessBlockConfiguration", "GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", func(doc, _ map[string]any) any { return doc }},
		{"BucketEncryption", "GetBucketEncryption", "", readEncryption},
		{"LifecycleConfiguration", "GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", readLifecycle},
		{"OwnershipControls", "GetBucketOwnershipControls", "", func(doc, _ map[string]any) any { return map[string]any{"Rules": repeated(doc["Rule"])} }},
		{"Tags", "GetBucketTagging", "NoSuchTagSet", func(doc, _ map[string]any) any { return listedTags(repeated(asMembers(doc["TagSet"])["Tag"])) }},
	} {
		want, stated := w.props[s.property]
		if !stated {
			continue
		}
		doc, err := w.document(ctx, s.get)
		if e, ok := errors.AsType[*awsrpc.Error](err); ok && e.Code == s.none {
			continue
		}
		if err != nil {
			return nil, err
		}
		is[s.property] = s.form(doc, asMembers(want))
	}
	return is, nil
}

// document gets a document of the bucket.
func (w *worker) document(ctx context.Context, operation string) (map[string]any, error) {
	out, err := w.call(ctx, operation, map[string]any{"Bucket": w.id})
	if err != nil {
		return nil, err
	}
	body, _ := out["Body"].([]byte)
	v, err := fromXML(body)
	doc := asMembers(v)
	if doc == nil {
		doc = map[string]any{}
	}
	return doc, err
}

// readEncryption is the encryption of a bucket as templates write it.
func readEncryption(doc, _ map[string]any) any {
	rules := []any{}
	for _, r := range repeated(doc["Rule"]) {
		rules = append(rules, map[string]any{"ServerSideEncryptionByDefault": asMembers(r)["ApplyServerSideEncryptionByDefault"], "BucketKeyEnabled": asMembers(r)["BucketKeyEnabled"]})
	}
	return map[string]any{"ServerSideEncryptionConfiguration": rules}
}

// readLifecycle is a life cycle as templates write it: the reverse of lifecycleOf.
func readLifecycle(doc, want map[string]any) any {
	old := slices.ContainsFunc(items(want["Rules"]), func(r any) bool { return asMembers(r)["NoncurrentVersionExpirationInDays"] != nil })
	rules := []any{}
	for _, item := range repeated(doc["Rule"]) {
		rules = append(rules, readRule(asMembers(item), old))
	}
	return map[string]any{"Rules": rules}
}

// readRule is a rule of a life cycle as templates write it: old ones have days where
// others have an object.
func readRule(in map[string]any, old bool) map[string]any {
	out := map[string]any{}
	for name, v := range in {
		switch name {
		case "ID":
			out["Id"] = v
		case "Filter":
			if prefix, _ := textOf(asMembers(v)["Prefix"]); prefix != "" {
				out["Prefix"] = prefix
			}
		case "Expiration":
			for action, v := range asMembers(v) {
				out[map[string]string{"Days": "ExpirationInDays", "Date": "ExpirationDate", "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker"}[action]] = v
			}
		case "NoncurrentVersionExpiration":
			if old {
				name, v = "NoncurrentVersionExpirationInDays", asMembers(v)["NoncurrentDays"]
			}
			out[name] = v
		default:
			out[name] = v
		}
	}
	return out
}

// readBucketPolicy reads the policy of a bucket.
func readBucketPolicy(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetBucketPolicy", map[string]any{"Bucket": w.id})
	if err != nil {
		return nil, err
	}
	body, _ := out["Body"].([]byte)
	return map[string]any{"Bucket": w.id, "PolicyDocument": readDocument(string(body))}, nil
}

// readParameter reads what a parameter is.
func readParameter(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "GetParameter", map[string]any{"Name": w.id})
	if err != nil {
		return nil, goneWith(err, "ParameterNotFound")
	}
	return w.inTemplateForm(asMembers(out["Parameter"])), nil
}

// repeated is what a document has once, or several times, as a list.
func repeated(v any) []any {
	switch v := v.(type) {
	case nil:
		return []any{}
	case []any:
		return v
	}
	return []any{v}
}

// maxXMLDepth bounds how deep documents are nested.
const maxXMLDepth = 20

// fromXML reads what xmlOf writes: elements become members, those that repeat
// lists.
func fromXML(body []byte) (any, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if _, ok := t.(xml.StartElement); ok {
			return element(d, maxXMLDepth)
		}
	}
}

// element reads an element whose start has been read.
func element(d *xml.Decoder, depth int) (any, error) {
	if depth == 0 {
		return nil, errors.New("the document is nested too deeply")
	}
	var text strings.Builder
	var members map[string]any
	for {
		t, err := d.Token()
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.CharData:
			text.Write(t)
		case xml.StartElement:
			v, err := element(d, depth-1)
			if err != nil {
				return nil, err
			}
			name := t.Name.Local
			if members == nil {
				members = map[string]any{}
			}
			if before, has := members[name]; has {
				v = append(repeated(before), v)
			}
			members[name] = v
		case xml.EndElement:
			if members != nil {
				return members, nil
			}
			return strings.TrimSpace(text.String()), nil
		}
	}
}
