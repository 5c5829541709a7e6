package cloudformation

import (
	"strconv"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

// described is what a change set tells of its changes, a line for each: what becomes of
// a resource, then why.
func described(changes []api.Change) string {
	var b strings.Builder
	for _, change := range changes {
		c := change.ResourceChange
		b.WriteString(strings.Join([]string{*c.Action, *c.LogicalResourceId, str(c.Replacement), strings.Join(c.Scope, "+"), str(c.PolicyAction)}, " ") + "\n")
		if c.BeforeContext != nil {
			b.WriteString(" from " + *c.BeforeContext + "\n")
		}
		if c.AfterContext != nil {
			b.WriteString(" to " + *c.AfterContext + "\n")
		}
		for _, d := range c.Details {
			t := d.Target
			b.WriteString(strings.Join([]string{"", *d.Evaluation, *d.ChangeSource, str(d.CausingEntity), *t.Attribute, str(t.Name), *t.RequiresRecreation,
				str(t.Path), str(t.AttributeChangeType), str(t.BeforeValue), str(t.AfterValue)}, " ") + "\n")
		}
	}
	return b.String()
}

// planned are the changes of a set that brings a stack from one template to another, as
// they are told with values and without.
func (w *world) planned(before, after string, old, params []api.Parameter) (with, without string) {
	w.t.Helper()
	if before != "" {
		if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: &before, Parameters: old}); err != nil {
			w.t.Fatal(err)
		}
		w.work()
		if got := w.status("s"); got != "CREATE_COMPLETE" {
			w.t.Fatalf("the stack is %s", got)
		}
	}
	kind := "UPDATE"
	if _, err := w.DescribeStacks(w.ctx, &api.DescribeStacksInput{StackName: new("s")}); err != nil {
		kind = "CREATE"
	}
	set, err := w.CreateChangeSet(w.ctx, &api.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), ChangeSetType: &kind, TemplateBody: &after, Parameters: params})
	if err != nil {
		w.t.Fatal(err)
	}
	var told [2]string
	for i, values := range []bool{true, false} {
		out, err := w.DescribeChangeSet(w.ctx, &api.DescribeChangeSetInput{ChangeSetName: set.Id, IncludePropertyValues: &values})
		if err != nil {
			w.t.Fatal(err)
		}
		told[i] = described(out.Changes)
	}
	return told[0], told[1]
}

func parameters(pairs ...string) []api.Parameter {
	var list []api.Parameter
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, api.Parameter{ParameterKey: &pairs[i], ParameterValue: &pairs[i+1]})
	}
	return list
}

func TestPlanned(t *testing.T) {
	resources := func(list ...string) string { return `{"Resources":{` + strings.Join(list, ",") + `}}` }
	key := func(name, props string) string {
		return `"` + name + `":{"Type":"AWS::ApiGateway::ApiKey","Properties":` + props + `}`
	}
	param := func(p, list string) string {
		return `{"Parameters":{"P":` + p + `},"Resources":{` + list + `}}`
	}
	const secret, plain = `{"Type":"String","NoEcho":true}`, `{"Type":"String"}`
	for name, c := range map[string]struct {
		before, after string
		old, params   []api.Parameter
		with, without string
	}{
		"new": {
			after:   resources(key("A", `{"Name":"a","Enabled":true}`), key("B", `{"Name":"b","Description":{"Fn::Sub":"of ${A}"}}`)),
			with:    "Add A True  \n to {\"Properties\":{\"Enabled\":\"true\",\"Name\":\"a\"}}\nAdd B True  \n to {\"Properties\":{\"Description\":\"{{changeSet:KNOWN_AFTER_APPLY}}\",\"Name\":\"b\"}}\n",
			without: "Add A   \nAdd B   \n",
		},
		"in place": {
			before:  resources(key("A", `{"Name":"a","Description":"one"}`)),
			after:   resources(key("A", `{"Name":"a","Description":"two","Enabled":true}`)),
			with:    "Modify A False Properties \n from {\"Properties\":{\"Description\":\"one\",\"Name\":\"a\"}}\n to {\"Properties\":{\"Description\":\"two\",\"Enabled\":\"true\",\"Name\":\"a\"}}\n Static DirectModification  Properties Description Never /Properties/Description Modify one two\n Static DirectModification  Properties Enabled Never /Properties/Enabled Add  true\n",
			without: "Modify A False Properties \n Static DirectModification  Properties Description Never    \n Static DirectModification  Properties Enabled Never    \n",
		},
		"replaced, and what refers to it": {
			before:  resources(key("A", `{"Name":"a"}`), key("B", `{"Name":"b","Description":{"Ref":"A"}}`)),
			after:   resources(`"A":{"Type":"AWS::ApiGateway::ApiKey","UpdateReplacePolicy":"Retain","Properties":{"Name":"z"}}`, key("B", `{"Name":"b","Description":{"Fn::GetAtt":["A","APIKeyId"]}}`)),
			without: "Modify A True Properties+UpdateReplacePolicy ReplaceAndRetain\n Static DirectModification  Properties Name Always    \n Static DirectModification  UpdateReplacePolicy  Never    \nModify B False Properties \n Dynamic DirectModification  Properties Description Never    \n Static ResourceAttribute A.APIKeyId Properties Description Never    \n",
		},
		"replaced by what is referred to": {
			before:  resources(key("A", `{"Name":"a"}`), key("B", `{"Name":{"Fn::Join":["-",["b",{"Ref":"A"}]]}}`)),
			after:   resources(key("A", `{"Name":"z"}`), key("B", `{"Name":{"Fn::Join":["-",["b",{"Ref":"A"}]]}}`)),
			without: "Modify A True Properties ReplaceAndDelete\n Static DirectModification  Properties Name Always    \nModify B True Properties ReplaceAndDelete\n Dynamic DirectModification  Properties Name Always    \n Static ResourceReference A Properties Name Always    \n",
		},
		"by a parameter": {
			before: param(plain, key("A", `{"Name":"a","Description":{"Fn::If":["No","x",{"Ref":"P"}]}}`)+`},"Conditions":{"No":{"Fn::Equals":["a","b"]}`),
			after:  param(plain, key("A", `{"Name":"a","Description":{"Fn::If":["No","x",{"Ref":"P"}]}}`)+`},"Conditions":{"No":{"Fn::Equals":["a","b"]}`),
			old:    parameters("P", "one"), params: parameters("P", "two"),
			without: "Modify A False Properties \n Dynamic DirectModification  Properties Description Never    \n Static ParameterReference P Properties Description Never    \n",
		},
		"a secret": {
			before: param(secret, key("A", `{"Name":"a","Description":{"Fn::Sub":"<${P}"}}`)),
			after:  param(secret, key("A", `{"Name":"a","Description":{"Fn::Sub":"<${P}"}}`)),
			old:    parameters("P", "hush"), params: parameters("P", "psst"),
			with: "Modify A False Properties \n from {\"Properties\":{\"Description\":\"<****\",\"Name\":\"a\"}}\n to {\"Properties\":{\"Description\":\"<****\",\"Name\":\"a\"}}\n Dynamic DirectModification  Properties Description Never /Properties/Description Modify <**** <****\n Static ParameterReference P Properties Description Never /Properties/Description Modify <**** <****\n",
		},
		"tags": {
			before: resources(key("A", `{"Name":"a","Tags":[{"Key":"k","Value":"one"}]}`)),
			after:  resources(key("A", `{"Name":"a","Tags":[{"Key":"k","Value":"two"},{"Key":"l","Value":"three"}]}`)),
			with: "Modify A False Tags \n from {\"Properties\":{\"Name\":\"a\",\"Tags\":[{\"Key\":\"k\",\"Value\":\"one\"}]}}\n to {\"Properties\":{\"Name\":\"a\",\"Tags\":[{\"Key\":\"k\",\"Value\":\"two\"},{\"Key\":\"l\",\"Value\":\"three\"}]}}\n" +
				" Static DirectModification  Tags  Never /Properties/Tags/0/Value Modify one two\n Static DirectModification  Tags  Never /Properties/Tags/1 Add  {\"Key\":\"l\",\"Value\":\"three\"}\n",
			without: "Modify A False Tags \n Static DirectModification  Tags  Never    \n",
		},
		"metadata, and what goes": {
			before:  resources(key("A", `{"Name":"a"},"Metadata":{"m":1}`), key("B", `{"Name":"b"},"DeletionPolicy":"Retain"`), key("C", `{"Name":"c"}`)),
			after:   resources(key("A", `{"Name":"a"},"Metadata":{"m":2}`)),
			with:    "Modify A False Metadata \n from {\"Metadata\":{\"m\":1},\"Properties\":{\"Name\":\"a\"}}\n to {\"Metadata\":{\"m\":2},\"Properties\":{\"Name\":\"a\"}}\n Static DirectModification  Metadata  Never /Metadata Modify {\"m\":1} {\"m\":2}\nRemove B   Retain\n from {\"DeletionPolicy\":\"Retain\",\"Properties\":{\"Name\":\"b\"}}\nRemove C   Delete\n from {\"Properties\":{\"Name\":\"c\"}}\n",
			without: "Modify A False Metadata \n Static DirectModification  Metadata  Never    \nRemove B   Retain\nRemove C   Delete\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			with, without := newWorld(t).planned(c.before, c.after, c.old, c.params)
			if c.with != "" && with != c.with {
				t.Errorf("with values:\n%s\nwant\n%s", with, c.with)
			}
			if c.without != "" && without != c.without {
				t.Errorf("without values:\n%s\nwant\n%s", without, c.without)
			}
		})
	}
}

// TestPlannedNested: what is inside a nested stack is not told; what refers to its
// outputs may change.
func TestPlannedNested(t *testing.T) {
	w := newWorld(t)
	const url = "https://templates.s3.amazonaws.com/in"
	inner := func(name string) string {
		return `{"Resources":{"A":{"Type":"AWS::ApiGateway::ApiKey","Properties":{"Name":"` + name + `"}}},"Outputs":{"O":{"Value":"` + name + `"}}}`
	}
	const outer = `{"Resources":{"In":{"Type":"AWS::CloudFormation::Stack","Properties":{"TemplateURL":"` + url + `"}},
		"B":{"Type":"AWS::ApiGateway::ApiKey","Properties":{"Name":{"Fn::GetAtt":"In.Outputs.O"},"Description":{"Ref":"In"}}}}}`
	w.urls = map[string]string{url: inner("a")}
	if _, err := w.create("s", outer); err != nil {
		t.Fatal(err)
	}
	w.urls[url] = inner("b")
	_, got := w.planned("", outer, nil, nil)
	const want = "Modify In False Properties \n Dynamic Automatic  Properties  Never    \n" +
		"Modify B Conditional Properties \n Dynamic DirectModification  Properties Name Always    \n Dynamic ResourceAttribute In.Outputs.O Properties Name Always    \n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestPlannedBounded: long values are told by their hashes, many places inside one
// property as one, and of many resources no more than one record holds; but all that
// changes is there.
func TestPlannedBounded(t *testing.T) {
	pl := &planner{veil: newVeil(nil)}
	// As sha256sum has it.
	if got := *pl.shown(strings.Repeat("x", maxShown+1)); got != "(Truncated-Signature):c6d8e9905300876046729949cc95c2385221270d389176f7234fe7ac00c4e430" {
		t.Errorf("a long value is told as %s", got)
	}
	if got := *pl.shown(strings.Repeat("x", maxShown)); len(got) != maxShown {
		t.Errorf("one that is not too long is told as %s", got)
	}
	tags := func(value string) map[string]any {
		var list []any
		for i := range maxPlaces + 1 {
			list = append(list, map[string]any{"Key": strconv.Itoa(i), "Value": value})
		}
		return map[string]any{"Tags": list}
	}
	got := pl.details(&kind{props: "Tags@"}, &declared{}, &resource{Properties: tags("one")}, tags("two"))
	if len(got) != 1 || *got[0].Target.Path != "/Properties/Tags" {
		t.Errorf("many places: %s", marshalText(got))
	}

	var list []string
	for i := range maxResources {
		list = append(list, `"K`+strconv.Itoa(i)+`":{"Type":"AWS::ApiGateway::ApiKey","Properties":{"Description":{"Ref":"P"}}}`)
	}
	w := newWorld(t)
	_, err := w.CreateChangeSet(w.ctx, &api.CreateChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), ChangeSetType: new("CREATE"),
		TemplateBody: new(`{"Parameters":{"P":{"Type":"String"}},"Resources":{` + strings.Join(list, ",") + `}}`), Parameters: parameters("P", strings.Repeat("x", 4000))})
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.DescribeChangeSet(w.ctx, &api.DescribeChangeSetInput{StackName: new("s"), ChangeSetName: new("c"), IncludePropertyValues: new(true)})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for _, c := range out.Changes {
		told += len(str(c.ResourceChange.AfterContext))
	}
	if len(out.Changes) != maxResources || told > maxDetails || told < maxDetails-5000 {
		t.Errorf("%d changes, told in %d bytes", len(out.Changes), told)
	}
}
