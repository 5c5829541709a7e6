package cloudformation

import (
	"context"
	"errors"
	"strings"
	"testing"

	api "gatehouse/internal/awsapi/cloudformation"
)

// A stored map stands for S3.
type stored map[string]string

// Template finds by the end of the URL.
func (s stored) Template(_ context.Context, url string, _ int64) ([]byte, error) {
	for name, text := range s {
		if strings.HasSuffix(url, "/"+name) {
			return []byte(text), nil
		}
	}
	return nil, errors.New("no such object")
}

func (s stored) Object(context.Context, string, string, string, string, int64) ([]byte, error) {
	return nil, errors.New("not stored")
}

// TestExpand: loops and included documents become what they stand for.
func TestExpand(t *testing.T) {
	const head = "Transform: AWS::LanguageExtensions\nParameters: {Names: {Type: CommaDelimitedList, Default: 'a,b'}}\n"
	tests := []struct{ name, in, want string }{
		{"resources", head + "Resources:\n  'Fn::ForEach::Users': [N, !Ref Names, {'User${N}': {Type: 'AWS::IAM::User', Properties: {UserName: !Sub 'x-${N}', Path: !Ref N}}}]\n",
			`{"Parameters":{"Names":{"Default":"a,b","Type":"CommaDelimitedList"}},"Resources":{"Usera":{"Properties":{"Path":"a","UserName":{"Fn::Sub":"x-a"}},"Type":"AWS::IAM::User"},"Userb":{"Properties":{"Path":"b","UserName":{"Fn::Sub":"x-b"}},"Type":"AWS::IAM::User"}}}`},
		{"nested", head + "Resources:\n  'Fn::ForEach::A': [X, ['1.0'], {'Fn::ForEach::B': [Y, [p, q], {'U&{X}${Y}': {Type: 'AWS::IAM::User'}}]}]\n",
			`{"Parameters":{"Names":{"Default":"a,b","Type":"CommaDelimitedList"}},"Resources":{"U10p":{"Type":"AWS::IAM::User"},"U10q":{"Type":"AWS::IAM::User"}}}`},
		{"stored", "Transform: AWS::LanguageExtensions\nParameters: {N: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /names}}\nResources:\n  'Fn::ForEach::A': [X, [!Ref N], {'U${X}': {Type: 'AWS::IAM::User'}}]\n",
			`{"Parameters":{"N":{"Default":"/names","Type":"AWS::SSM::Parameter::Value<String>"}},"Resources":{"Uanna":{"Type":"AWS::IAM::User"}}}`},
		{"include", "Resources:\n  A: {Type: 'AWS::IAM::User', Properties: {Path: /own/, 'Fn::Transform': {Name: 'AWS::Include', Parameters: {Location: 's3://b/user.yaml'}}}}\n",
			`{"Resources":{"A":{"Properties":{"Path":"/own/","UserName":"included"},"Type":"AWS::IAM::User"}}}`},
	}
	w := newWorld(t)
	w.api = &withParameters{API: w.api, values: map[string]string{"/names": "anna"}}
	w.opt.Templates = stored{"b/user.yaml": "UserName: included\nPath: /theirs/\n"}
	for _, tt := range tests {
		got, err := w.expand(w.ctx, tt.in, nil, nil, w.tables(w.ctx))
		if err != nil || got != tt.want {
			t.Errorf("%s: %v\n got %s\nwant %s", tt.name, err, got, tt.want)
		}
	}
	for _, bad := range []string{
		head + "Resources:\n  'Fn::ForEach::A': [X, [a, a], {'U${X}': {Type: 'AWS::IAM::User'}}]\n",
		head + "Resources:\n  'Fn::ForEach::A': [X, [a]]\n",
		"Transform: {Name: 'AWS::Include', Parameters: {Location: 's3://b/gone.yaml'}}\nResources: {}\n",
	} {
		if _, err := w.expand(w.ctx, bad, nil, nil, w.tables(w.ctx)); !errors.As(err, new(*transformError)) {
			t.Errorf("%q gave %v", bad, err)
		}
	}
}

// TestProcessedTemplate: a stack keeps both what was given and what was made of it,
// and an update that expands to the same is none.
func TestProcessedTemplate(t *testing.T) {
	const template = "Transform: AWS::LanguageExtensions\nResources:\n  'Fn::ForEach::A': [X, [a, b], {'U${X}': {Type: 'AWS::IAM::User'}}]\n"
	w := newWorld(t)
	agreed := []string{"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"}
	if _, err := w.CreateStack(w.ctx, &api.CreateStackInput{StackName: new("s"), TemplateBody: new(template), Capabilities: agreed}); err != nil {
		t.Fatal(err)
	}
	w.work()
	if got := w.status("s"); got != "CREATE_COMPLETE" {
		t.Fatal(got)
	}
	for stage, want := range map[string]string{"Original": template, "Processed": `{"Resources":{"Ua":{"Type":"AWS::IAM::User"},"Ub":{"Type":"AWS::IAM::User"}}}`} {
		out, err := w.GetTemplate(w.ctx, &api.GetTemplateInput{StackName: new("s"), TemplateStage: new(stage)})
		if err != nil || *out.TemplateBody != want {
			t.Errorf("%s: %v, %s", stage, err, *out.TemplateBody)
		}
	}
	_, err := w.UpdateStack(w.ctx, &api.UpdateStackInput{StackName: new("s"), UsePreviousTemplate: new(true), Capabilities: agreed})
	if err == nil || !strings.Contains(err.Error(), "No updates are to be performed.") {
		t.Errorf("update gave %v", err)
	}
}
