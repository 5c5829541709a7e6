package lambda

import (
	"context"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gatehouse/internal/arn"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
)

// A target is a function as a call names it, in the caller's own account and
// Region.
type target struct {
	scope     record.Scope
	name      string
	qualifier string // $LATEST, a version or an alias; empty: none given
}

// arn is the target's ARN, with its qualifier if it has one.
func (t target) arn() string { return functionARN(t.scope, t.name, t.qualifier) }

// unqualified is the function's ARN.
func (t target) unqualified() string { return functionARN(t.scope, t.name, "") }

// at is the qualifier that things are kept under.
func (t target) at() string {
	if t.qualifier == "" {
		return latest
	}
	return t.qualifier
}

// latest is the qualifier of the version that can be changed.
const latest = "$LATEST"

var (
	namePattern      = regexp.MustCompile(`^[a-zA-Z0-9-_.]+$`)
	qualifierPattern = regexp.MustCompile(`^[a-zA-Z0-9$_-]+$`)
	versionPattern   = regexp.MustCompile(`^[0-9]+$`)
	aliasPattern     = regexp.MustCompile(`^[a-zA-Z0-9-_]+$`)
)

// isVersion reports whether a qualifier is the number of a version.
func isVersion(qualifier string) bool { return versionPattern.MatchString(qualifier) }

// isAlias reports whether a qualifier can be the name of an alias.
func isAlias(qualifier string) bool {
	return aliasPattern.MatchString(qualifier) && !isVersion(qualifier)
}

// Patterns of functions' names as AWS's messages show them: those operations that
// look at an existing function allow dots.
const (
	shownNameStart   = `(arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_`
	shownNameEnd     = `]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	shownName        = shownNameStart + shownNameEnd
	shownDottedName  = shownNameStart + `\.` + shownNameEnd
	shownQualifier   = `(|[a-zA-Z0-9$_-]+)`
	maxNamespaced    = 170 // of an ARN with qualifier
	maxQualifier     = 128
	maxFunctionName  = 64
	maxUnqualifiedID = 140
)

// locate reads the name of a function: alone, as an ARN, or as part of one, with
// or without a qualifier that must then agree with the one given apart.
//
// AWS: the forms are those of the API reference, "Name formats"; texts recorded.
func locate(ctx context.Context, name, qualifier *string) (target, error) {
	c := awsrpc.CallerFrom(ctx)
	t := target{scope: record.Scope{Account: c.Account, Region: c.Region}}
	account, region, rest := splitName(str(name))
	var own string
	t.name, own, _ = strings.Cut(rest, ":")
	var broken []string
	if utf8.RuneCountInString(str(name)) > maxNamespaced {
		broken = append(broken, "Value '"+str(name)+"' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to "+strconv.Itoa(maxNamespaced))
	}
	if !namePattern.MatchString(t.name) || own != "" && !qualifierPattern.MatchString(own) {
		broken = append(broken, "Value '"+str(name)+"' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: "+shownDottedName)
	}
	if q := str(qualifier); q != "" {
		if utf8.RuneCountInString(q) > maxQualifier {
			broken = append(broken, "Value '"+q+"' at 'qualifier' failed to satisfy constraint: Member must have length less than or equal to "+strconv.Itoa(maxQualifier))
		}
		if !qualifierPattern.MatchString(q) {
			broken = append(broken, "Value '"+q+"' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: "+shownQualifier)
		}
	}
	if len(broken) > 0 {
		noun := " validation errors"
		if len(broken) == 1 {
			noun = " validation error"
		}
		return t, awsrpc.Validation(strconv.Itoa(len(broken)) + noun + " detected: " + strings.Join(broken, "; "))
	}
	if region != "" && region != c.Region {
		return t, errNotFound("Functions from '" + region + "' are not reachable in this region ('" + c.Region + "')")
	}
	if account != "" && account != c.Account {
		return t, &awsrpc.Error{Code: "AccessDeniedException", Status: 403,
			Message: "User: " + c.PrincipalARN + " is not authorized to use functions of account " + account + " (Gatehouse keeps accounts apart)"}
	}
	t.qualifier = str(qualifier)
	if t.qualifier == "" {
		t.qualifier = own
	} else if own != "" && own != t.qualifier {
		return t, errParameter("The derived qualifier from the function name does not match the specified qualifier.")
	}
	return t, nil
}

// splitName takes what may stand before a function's name off: the whole
// beginning of its ARN, or account and the word function.
func splitName(s string) (account, region, rest string) {
	if a, err := arn.Parse(s); err == nil && a.Service == "lambda" {
		if name, ok := strings.CutPrefix(a.Resource, "function:"); ok {
			return a.Account, a.Region, name
		}
	}
	first, more, ok := strings.Cut(s, ":")
	if ok && arn.ValidAccount(first) {
		if name, ok := strings.CutPrefix(more, "function:"); ok {
			return first, "", name
		}
	}
	return "", "", strings.TrimPrefix(s, "function:")
}

// locateNew reads the name of a function that is to be made.
//
// AWS: recorded; a bare name has its own limit and its own exception.
func locateNew(ctx context.Context, name *string) (target, error) {
	n := str(name)
	if !strings.Contains(n, ":") {
		if utf8.RuneCountInString(n) > maxFunctionName {
			return target{}, errParameter("1 validation error detected: Value '" + n + "' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to " + strconv.Itoa(maxFunctionName))
		}
	} else if utf8.RuneCountInString(n) > maxUnqualifiedID {
		return target{}, violation(n, "functionName", "Member must have length less than or equal to "+strconv.Itoa(maxUnqualifiedID))
	}
	t, err := locate(ctx, name, nil)
	if err == nil && (t.qualifier != "" || strings.Contains(t.name, ".") || len(t.name) > maxFunctionName) {
		err = violation(n, "functionName", "Member must satisfy regular expression pattern: "+shownName)
	}
	return t, err
}

// functionTarget reads the whole ARN of a function.
func functionTarget(s string) (target, bool) {
	a, err := arn.Parse(s)
	if err != nil || a.Service != "lambda" {
		return target{}, false
	}
	rest, ok := strings.CutPrefix(a.Resource, "function:")
	t := target{scope: record.Scope{Account: a.Account, Region: a.Region}}
	t.name, t.qualifier, _ = strings.Cut(rest, ":")
	return t, ok && namePattern.MatchString(t.name)
}
