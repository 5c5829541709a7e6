package arn_test

import (
	"testing"

	"gatehouse/internal/arn"
)

func TestParse(t *testing.T) {
	tests := []struct {
		in   string
		want arn.ARN
		ok   bool
	}{
		{"arn:aws:apigateway:us-east-1::/restapis/a1", arn.ARN{"aws", "apigateway", "us-east-1", "", "/restapis/a1"}, true},
		{"arn:aws:lambda:us-east-1:111111111111:function:f:1", arn.ARN{"aws", "lambda", "us-east-1", "111111111111", "function:f:1"}, true},
		{"arn:aws:iam::111111111111:root", arn.ARN{"aws", "iam", "", "111111111111", "root"}, true},
		{"arn:aws:iam::111111111111:", arn.ARN{}, false},
		{"arn:aws:iam::111111111111", arn.ARN{}, false},
		{"ARN:aws:iam::1:root", arn.ARN{}, false},
		{"arn::iam::1:root", arn.ARN{}, false},
		{"", arn.ARN{}, false},
	}
	for _, tt := range tests {
		got, err := arn.Parse(tt.in)
		if (err == nil) != tt.ok || got != tt.want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v, ok %v", tt.in, got, err, tt.want, tt.ok)
		}
		if tt.ok && got.String() != tt.in {
			t.Errorf("Parse(%q).String() = %q", tt.in, got)
		}
	}
}

func TestForms(t *testing.T) {
	for s, want := range map[string]bool{"123456789012": true, "000000000000": true, "12345678901": false, "12345678901a": false, "": false} {
		if got := arn.ValidAccount(s); got != want {
			t.Errorf("ValidAccount(%q) = %v", s, got)
		}
	}
	for s, want := range map[string]bool{"us-east-1": true, "local": true, "eu-isoe-west-1": true, "": false, "us-": false, "1-a": false, "US-EAST-1": false, "a/b": false} {
		if got := arn.ValidRegion(s); got != want {
			t.Errorf("ValidRegion(%q) = %v", s, got)
		}
	}
	for s, want := range map[string]string{"us-east-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		if got := arn.Partition(s); got != want {
			t.Errorf("Partition(%q) = %q, want %q", s, got, want)
		}
	}
}
