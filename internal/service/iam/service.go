// Package iam is AWS's Identity and Access Management: users, access keys,
// groups, roles, policies and their simulation, as methods of [Service].
//
// Every change has one shape: what it is about is read, checked, and committed
// on the condition that nothing of it changed meanwhile. A [Follower] reads the
// same records and publishes them, compiled, as an identity.Directory: that is
// what signatures and permissions are checked against.
//
// What Gatehouse does not enforce is not stored: passwords, MFA devices and
// instance profiles have no operations here.
package iam

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"regexp"
	"strings"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/iam"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// A Service answers the operations of IAM. What is not implemented answers
// NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st store.Store
}

var _ api.Server = (*Service)(nil)

// New returns a service over st.
func New(st store.Store) *Service { return &Service{st: st} }

// tables are the identities of the caller's account.
func (s *Service) tables(ctx context.Context) record.Identities {
	return record.IdentitiesOf(s.st, awsrpc.CallerFrom(ctx).Account)
}

// commit runs prepare and commits what it asks for, as store.Update does.
func (s *Service) commit(ctx context.Context, prepare func(c *store.Change) error) error {
	err := store.Update(ctx, s.st, prepare)
	if errors.Is(err, store.ErrConflict) {
		return api.ConcurrentModification("The request was rejected because multiple requests to change this object were submitted simultaneously.")
	}
	return err
}

// create adds a record that must not be there yet.
func create[T any](c *store.Change, t store.Table[T], id string, rec T) error {
	op, err := t.Put(id, rec)
	c.Ifs, c.Ops = append(c.Ifs, t.Absent(id)), append(c.Ops, op)
	return err
}

// replace puts a record that was read at rev.
func replace[T any](c *store.Change, t store.Table[T], id string, rec T, rev store.Rev) error {
	op, err := t.Put(id, rec)
	c.Ifs, c.Ops = append(c.Ifs, t.Is(id, rev)), append(c.Ops, op)
	return err
}

// remove deletes a record that was read at rev.
func remove[T any](c *store.Change, t store.Table[T], id string, rev store.Rev) {
	c.Ifs, c.Ops = append(c.Ifs, t.Is(id, rev)), append(c.Ops, t.Delete(id))
}

// get reads a record, or returns missing.
func get[T any](ctx context.Context, t store.Table[T], name string, missing error) (T, store.Rev, error) {
	rec, rev, err := t.Get(ctx, record.IdentityID(name))
	if errors.Is(err, store.ErrNotFound) {
		err = missing
	}
	return rec, rev, err
}

// all reads a table.
func all[T any](ctx context.Context, t store.Table[T]) ([]T, error) {
	rows, err := t.List(ctx, "", "", 0)
	list := make([]T, len(rows.Rows))
	for i := range rows.Rows {
		list[i] = rows.Rows[i].Value
	}
	return list, err
}

// str is what p points to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// now is the time as AWS shows it: in whole seconds.
func now() *time.Time { return new(time.Now().UTC().Truncate(time.Second)) }

// resource returns the ARN of something of the caller's account.
func resource(ctx context.Context, kind, path, name string) *string {
	c := awsrpc.CallerFrom(ctx)
	return new(arn.ARN{Partition: arn.Partition(c.Region), Service: "iam", Account: c.Account, Resource: kind + path + name}.String())
}

// newID returns a unique id. AWS: the prefix tells the kind
// (reference_identifiers, "Understanding unique ID prefixes").
func newID(prefix string) string {
	const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	b := make([]byte, 17)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = alnum[int(b[i])%len(alnum)]
	}
	return prefix + string(b)
}

// newSecret returns a secret key of forty characters.
func newSecret() string {
	b := make([]byte, 30)
	_, _ = rand.Read(b) // never fails
	return base64.StdEncoding.EncodeToString(b)
}

// encoded returns a document as IAM returns it: percent-encoded (RFC 3986).
func encoded(document string) *string {
	return new(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

var (
	nameForm = regexp.MustCompile(`^[\w+=,.@-]+$`)
	pathForm = regexp.MustCompile(`^(/|/[!-~]+/)$`)
)

// checkName checks the name of a user, group, role or policy. member is what
// the model calls it.
func checkName(member, name string, longest int) error {
	switch {
	case name == "":
		return awsrpc.Validation("1 validation error detected: Value '' at '" + member + "' failed to satisfy constraint: Member must have length greater than or equal to 1")
	case len(name) > longest:
		return awsrpc.Validation("1 validation error detected: Value '" + name[:longest] + "...' at '" + member +
			"' failed to satisfy constraint: Member must have length less than or equal to " + itoa(longest))
	case !nameForm.MatchString(name):
		return awsrpc.Validation("The specified value for " + member + " is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	return nil
}

// checkPath returns a path, which is / if there is none.
func checkPath(path *string) (string, error) {
	if path == nil {
		return "/", nil
	}
	if !pathForm.MatchString(*path) || len(*path) > 512 {
		return "", awsrpc.Validation("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return *path, nil
}
