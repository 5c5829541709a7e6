// Package arn reads and writes Amazon resource names, and says which account
// ids and Regions are well formed.
package arn

import (
	"errors"
	"strings"
)

// An ARN is one resource name, split at its first five colons.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// errMalformed is what Parse returns for anything that is not an ARN.
var errMalformed = errors.New("not an ARN: want arn:partition:service:region:account:resource")

// Parse splits s. Region and Account may be empty, the other parts may not.
func Parse(s string) (ARN, error) {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] == "" || p[2] == "" || p[5] == "" {
		return ARN{}, errMalformed
	}
	return ARN{Partition: p[1], Service: p[2], Region: p[3], Account: p[4], Resource: p[5]}, nil
}

// String returns the name as AWS writes it.
func (a ARN) String() string {
	return "arn:" + a.Partition + ":" + a.Service + ":" + a.Region + ":" + a.Account + ":" + a.Resource
}

// Partition returns the partition that a Region belongs to.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}

// ValidAccount reports whether s is an account id: twelve digits.
func ValidAccount(s string) bool {
	return len(s) == 12 && strings.Trim(s, "0123456789") == ""
}

// ValidRegion reports whether s has the form of a Region's name. The names are
// not a fixed list: people run Gatehouse in Regions of their own.
func ValidRegion(s string) bool {
	const letters, rest = "abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz0123456789-"
	return len(s) >= 2 && len(s) <= 32 && strings.Contains(letters, s[:1]) && s[len(s)-1] != '-' &&
		strings.Trim(s, rest) == ""
}
