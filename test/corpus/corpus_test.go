// Package corpus replays what a public test suite recorded of the real service
// against the built binary: calls of the AWS APIs and requests to deployed
// APIs.
//
// The recordings stand beside the repository in ../shared/corpus. A replay
// makes the calls that led to a recording and compares every answer with it.
// What does not agree is listed with its reason in exceptions.tsv, and what is
// listed there must not agree.
package corpus

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/test/gatehousetest"
)

var reportTo = flag.String("report", "", "file to write the table to")

// root is the root of the repository, recordings and documents are beside it.
const (
	root       = "../.."
	recordings = root + "/../shared/corpus/localstack"
	documents  = root + "/../shared/corpus/openapi"
	exceptions = "testdata/exceptions.tsv"
)

// balancer is what VPC links of an account lead to. That of linked has an
// address, where nobody is.
func balancer(account string) string {
	return "arn:aws:elasticloadbalancing:" + testRegion + ":" + account + ":loadbalancer/net/nlb/1234567890abcdef"
}

// linked is the recorded test that makes a VPC link.
const linked = "test_vpc_link_lifecycle"

// accountOf is the account of the replay of a recording: its own.
func accountOf(recording int) string { return fmt.Sprintf("2%011d", recording) }

// A replay makes the calls of one recorded test.
type replay struct {
	file string // see fileName
	name string // of the recorded test
	run  func(c *client, match func(key string, got doc))
}

// A recording is the answers of one test by key.
type recording struct {
	file, name string
	Content    map[string]any `json:"recorded-content"`
}

// A result says how the answers of a recording compare: by key, nil if the
// answer agrees.
type result map[string]error

func TestCorpus(t *testing.T) {
	recs := readRecordings(t)
	replays := map[string]replay{}
	for _, r := range slices.Concat(restAPIReplays, resourceReplays, methodReplays, integrationReplays, modelReplays, gatewayResponseReplays,
		stageReplays, canaryReplays, keyReplays, importReplays, documentationReplays, exportReplays, stackReplays, dataReplays()) {
		replays[r.file+"/"+r.name] = r
	}
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	objects := newObjects(t)
	at := balancer(accountOf(slices.IndexFunc(recs, func(r recording) bool { return r.name == linked })))
	server, err := gatehousetest.Start(context.Background(), bin, t.TempDir(), "--dev", "--xray-daemon", "127.0.0.1:2000", "--load-balancer", at+"=127.0.0.1:1", "--service-endpoint", "s3="+objects.url,
		"--role-credentials", anyRole+"=root", "--aws-credentials", "root",
		"--function-endpoint", "corpus-*=lambda:"+newFunctions(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Kill)
	byName := map[string]recording{}
	for _, rec := range recs {
		byName[rec.file+"/"+rec.name] = rec
	}
	rep := report{t: t, reasons: readExceptions(t)}
	t.Run("recording", func(t *testing.T) {
		for i, rec := range recs {
			r, ok := replays[rec.file+"/"+rec.name]
			delete(replays, rec.file+"/"+rec.name)
			t.Run(rec.file+"/"+rec.name, func(t *testing.T) {
				t.Parallel()
				if !ok {
					rep.add(t, rec, rec.all(fmt.Errorf("no replay is written")))
					return
				}
				c := newClient(t, server, accountOf(i))
				c.rec, c.recs, c.objects = rec, byName, objects
				rep.add(t, rec, r.against(rec, c))
			})
		}
	})
	for name := range replays {
		t.Errorf("%s: no such recording", name)
	}
	rep.finish(*reportTo)
}

// readRecordings reads all recordings, in the order of files and tests.
func readRecordings(t *testing.T) []recording {
	t.Helper()
	paths, err := filepath.Glob(recordings + "/*.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skip("the recordings are not here")
	}
	var list []recording
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]recording
		if err := json.Unmarshal(b, &all); err != nil {
			t.Fatal(err)
		}
		for _, id := range slices.Sorted(maps.Keys(all)) {
			rec := all[id]
			rec.file, rec.name = fileName(path), id[strings.LastIndex(id, "::")+2:]
			list = append(list, rec)
		}
	}
	return list
}

// fileName is what we call a file of recordings: api, canary, common…
// Those made through CloudFormation are called stacks.
func fileName(path string) string {
	name := strings.TrimSuffix(filepath.Base(path), ".snapshot.json")
	if short, ok := strings.CutPrefix(name, "apigateway__test_apigateway_"); ok {
		return short
	}
	return "stacks"
}

// all gives every answer the same result.
func (rec *recording) all(err error) result {
	res := result{}
	for key := range rec.Content {
		res[key] = err
	}
	return res
}

// against replays rec through c and compares every answer that was recorded.
func (r *replay) against(rec recording, c *client) (res result) {
	res = rec.all(fmt.Errorf("not replayed"))
	m := matcher{tokens: map[string]string{}, account: c.account}
	defer func() {
		switch stop := recover().(type) {
		case nil:
		case stopped:
			for key, err := range res {
				if err != nil && err.Error() == "not replayed" {
					res[key] = stop
				}
			}
		default:
			panic(stop)
		}
	}()
	r.run(c, func(key string, got doc) {
		want, ok := c.rec.Content[key]
		if !ok {
			res[key] = fmt.Errorf("no such answer was recorded")
			return
		}
		res[key] = nil
		var have any = got
		if text, ok := got[""]; ok {
			have = text
		}
		if err := m.match("", want, have); err != nil {
			res[key] = fmt.Errorf("%w\n got: %s\nwant: %s", err, text2json(got), text2json(want))
		}
	})
	return res
}

// An exception names an answer that does not agree; key * names all that do
// not agree of a recording.
type exception struct{ recording, key string }

// readExceptions reads the list: recording, key, reason.
func readExceptions(t *testing.T) map[exception]string {
	t.Helper()
	b, err := os.ReadFile(exceptions)
	if err != nil {
		t.Fatal(err)
	}
	reasons := map[exception]string{}
	for n, line := range bytes.Split(bytes.TrimSpace(b), []byte("\n")) {
		if bytes.HasPrefix(line, []byte("#")) {
			continue
		}
		f := strings.Split(string(line), "\t")
		if len(f) != 3 || strings.TrimSpace(f[2]) == "" {
			t.Fatalf("%s:%d: want recording, key and reason between tabs", exceptions, n+1)
		}
		e := exception{f[0], f[1]}
		if reasons[e] != "" {
			t.Errorf("%s:%d: twice", exceptions, n+1)
		}
		reasons[e] = f[2]
	}
	return reasons
}
