// Package lambda is the control plane of functions: the operations of AWS's
// Lambda as methods of [Service], and what keeps the host that runs functions in
// step with the records, a [Syncer].
//
// A change reads its function's record, checks AWS's rules, and commits on the
// condition that nothing has changed meanwhile; if it has, it begins again
// (edit.go). Code arrives as a zip file, is kept as a blob, and is unpacked below
// the data directory of each node that runs it (code.go). Settings that would
// not act are never stored: unsupported.go lists all of them.
//
// The package knows nothing of wire protocols, nor of how functions are run.
package lambda

import (
	"context"
	"io"
	"log/slog"
	"time"

	"gatehouse/internal/arn"
	api "gatehouse/internal/awsapi/lambda"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/function"
	"gatehouse/internal/policy"
	"gatehouse/internal/record"
	"gatehouse/internal/store"
)

// Options are what a [Service] is told.
type Options struct {
	// Dir is where code is unpacked.
	Dir string
	// Unpack writes the files of a zip file into a new directory, and returns
	// their size; see [function.Unpack].
	Unpack func(zip io.ReaderAt, size int64, dir string) (int64, error)
	// Invoker calls functions; nil: no function can be called.
	Invoker function.Invoker
	// Objects reads zip files from S3; nil: there is no S3.
	Objects Objects
	// Roles decides who may give a function which role; nil: everybody any.
	Roles RolePasser
	// Directory knows whom permissions may name; nil: everybody.
	Directory Directory
	// Concurrency is how many invocations of an account may run at once; zero
	// is 1,000.
	Concurrency int
	// CodeStorage is how many bytes of zip files an account may have in a Region;
	// zero is 75 GB.
	CodeStorage int64
	Log         *slog.Logger // nil discards
}

// A RolePasser decides whether the caller may hand a role to a service: who
// makes a function acts through it as its role.
type RolePasser interface {
	PassRole(ctx context.Context, role, service string) error
}

// A Directory knows the users and roles that there are.
type Directory interface {
	// Check returns missing if a policy names a user or a role of an account that
	// is not there.
	Check(ctx context.Context, account string, d *policy.Document, missing error) error
}

// passRole demands that the caller may let functions act as a role.
//
// AWS: "Granting a user permissions to pass a role to an AWS service"; CreateFunction
// and UpdateFunctionConfiguration need iam:PassRole.
func (s *Service) passRole(ctx context.Context, role *string) error {
	if s.opt.Roles == nil || role == nil {
		return nil
	}
	return s.opt.Roles.PassRole(ctx, *role, "lambda.amazonaws.com")
}

// Objects reads what is stored in S3.
type Objects interface {
	// Object returns at most limit bytes of an object, or an error that says
	// what the caller can do about it.
	Object(ctx context.Context, region, bucket, key, version string, limit int64) ([]byte, error)
}

// defaultConcurrency is how many invocations of an account may run at once.
//
// AWS: Lambda quotas.
const defaultConcurrency = 1000

// A Service answers the operations of functions. What is not implemented
// answers NotImplementedException, by the embedded type.
type Service struct {
	api.UnimplementedServer
	st        store.Store
	blobs     *store.Blobs
	code      *codeStore
	downloads downloader
	opt       Options
	locks     store.Locks
}

var _ api.Server = (*Service)(nil)

// New returns a service over st. Zip files go into blobs.
func New(st store.Store, blobs *store.Blobs, opt Options) *Service {
	if opt.Concurrency == 0 {
		opt.Concurrency = defaultConcurrency
	}
	if opt.CodeStorage == 0 {
		opt.CodeStorage = totalCode
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{st: st, blobs: blobs, opt: opt, code: newCodeStore(opt.Dir, opt.Unpack), downloads: newDownloader()}
}

// tables are the records of the caller's account and region.
func (s *Service) tables(ctx context.Context) record.FunctionTables {
	c := awsrpc.CallerFrom(ctx)
	return s.tablesOf(record.Scope{Account: c.Account, Region: c.Region})
}

func (s *Service) tablesOf(scope record.Scope) record.FunctionTables {
	return record.FunctionsIn(s.st, s.blobs, scope)
}

// functionARN is the name of a function, with a qualifier unless that is empty.
func functionARN(s record.Scope, name, qualifier string) string {
	a := arn.ARN{Partition: arn.Partition(s.Region), Service: "lambda", Region: s.Region, Account: s.Account, Resource: "function:" + name}
	if qualifier != "" {
		a.Resource += ":" + qualifier
	}
	return a.String()
}

// timestamp is now as Lambda writes it.
//
// AWS: LastModified of recorded answers.
func timestamp() *string {
	return new(time.Now().UTC().Format("2006-01-02T15:04:05.000+0000"))
}

// str is what p points to, or "".
func str(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

// is reports whether p points to true.
func is(p *bool) bool { return p != nil && *p }
