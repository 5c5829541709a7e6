package iam

import (
	"net/url"
	"slices"
	"testing"

	"gatehouse/internal/awsrpc"
)

// TestParameterResources: each parameter of a call is one to decide about.
func TestParameterResources(t *testing.T) {
	const prefix = "arn:aws:ssm:eu-west-1:123456789012:parameter/"
	for _, c := range []struct {
		operation string
		form      url.Values
		want      []string
	}{
		{"GetParameter", url.Values{"Name": {"/a/b:3"}}, []string{prefix + "a/b"}},
		{"GetParameter", url.Values{"Name": {prefix + "a/b"}}, []string{prefix + "a/b"}},
		{"GetParameters", url.Values{"Names": {"x", "/a/b", "x"}}, []string{prefix + "x", prefix + "a/b"}},
		{"GetParametersByPath", url.Values{"Path": {"/a/"}}, []string{prefix + "a"}},
		{"GetParameters", url.Values{}, []string{"*"}},
		{"DescribeParameters", url.Values{}, []string{"arn:aws:ssm:eu-west-1:123456789012:*"}},
	} {
		got := parameterResources(&awsrpc.Call{Operation: c.operation, Form: c.form, Caller: awsrpc.Caller{Account: "123456789012", Region: "eu-west-1"}})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %v: %q, want %q", c.operation, c.form, got, c.want)
		}
	}
}
