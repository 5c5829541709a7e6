package xray

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
)

// in is a context of the account in another Region.
func (b *bench) in(region string) record.Scope {
	scope := record.Scope{Account: testScope.Account, Region: region}
	b.ctx = awsrpc.WithCaller(b.ctx, awsrpc.Caller{Account: scope.Account, Region: scope.Region})
	return scope
}

// Who only names Regions leaves nothing behind.
func TestRegionsThatAreOnlyNamed(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Dir: dir})
		for i := range 50 {
			b.in(fmt.Sprintf("xx-%d", i))
			now := time.Now()
			out, err := b.s.GetSamplingTargets(b.ctx, &api.GetSamplingTargetsInput{SamplingStatisticsDocuments: []api.SamplingStatisticsDocument{{
				RuleName: new("Default"), ClientID: new(strings.Repeat("a", 24)), Timestamp: &now, RequestCount: new(int32(1)), SampledCount: new(int32(1))}}})
			if err != nil || len(out.SamplingTargetDocuments) != 1 {
				t.Fatalf("%v, %v", out, err)
			}
			if _, err := b.s.GetSamplingStatisticSummaries(b.ctx, &api.GetSamplingStatisticSummariesInput{}); err != nil {
				t.Fatal(err)
			}
			if got, err := b.s.GetTraceSummaries(b.ctx, &api.GetTraceSummariesInput{StartTime: new(now.Add(-time.Minute)), EndTime: &now}); err != nil || len(got.TraceSummaries) != 0 {
				t.Fatalf("%v, %v", got, err)
			}
			if got, err := b.s.BatchGetTraces(b.ctx, &api.BatchGetTracesInput{TraceIds: []string{traceID(now, 1)}}); err != nil || len(got.Traces) != 0 {
				t.Fatalf("%v, %v", got, err)
			}
		}
		b.s.mu.Lock()
		b.s.kept.mu.Lock()
		if len(b.s.samplers) != 0 || len(b.s.kept.journals) != 0 {
			t.Errorf("%d samplers and %d journals are kept of Regions without rules and traces", len(b.s.samplers), len(b.s.kept.journals))
		}
		b.s.kept.mu.Unlock()
		b.s.mu.Unlock()
		time.Sleep(3 * time.Minute)
		b.s.clients.mu.Lock()
		if n := len(b.s.clients.byRule); n != 0 {
			t.Errorf("%d rules are lent to clients that are gone", n)
		}
		b.s.clients.mu.Unlock()
		b.end()
	})
}

// The sampler of a Region goes with its last rule, unless something is served there.
func TestSamplersGoWithTheirRules(t *testing.T) {
	b := newBench(t, Options{})
	b.s.Sampler(testScope) // serves
	for _, region := range []string{testScope.Region, "xx-1"} {
		scope := b.in(region)
		rule := b.s.defaultRule(scope).Rule
		rule.RuleARN, rule.RuleName, rule.Priority = nil, new("r"), new(int32(1))
		if _, err := b.s.CreateSamplingRule(b.ctx, &api.CreateSamplingRuleInput{SamplingRule: &rule}); err != nil {
			t.Fatal(err)
		}
		b.reach()
		if b.s.known(scope) == nil || len(b.s.counts(scope)) != 2 {
			t.Errorf("the rules of %s are %v", region, b.s.counts(scope))
		}
		if _, err := b.s.DeleteSamplingRule(b.ctx, &api.DeleteSamplingRuleInput{RuleName: new("r")}); err != nil {
			t.Fatal(err)
		}
		b.reach()
		if got, want := b.s.known(scope) != nil, region == testScope.Region; got != want {
			t.Errorf("without rules there is a sampler of %s: %v, want %v", region, got, want)
		}
	}
}

// reach waits until the sampler knows all that is stored.
func (b *bench) reach() {
	b.t.Helper()
	page, err := b.s.st.List(b.ctx, "", "", 1)
	if err == nil {
		err = b.s.Wait(b.ctx, page.Rev)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// Traces are kept of so many Regions only, and of those before.
func TestRegionsAreBounded(t *testing.T) {
	b := newBench(t, Options{})
	b.in("first")
	b.put(segmentAt(time.Now(), 1))
	b.s.kept.mu.Lock()
	for i := range mostRegions - 1 {
		b.s.kept.journals[record.Scope{Account: testScope.Account, Region: fmt.Sprintf("xx-%d", i)}] = nil
	}
	b.s.kept.mu.Unlock()
	b.put(segmentAt(time.Now(), 2))
	b.in("last")
	out, err := b.s.PutTraceSegments(b.ctx, &api.PutTraceSegmentsInput{TraceSegmentDocuments: []string{segmentAt(time.Now(), 3)}})
	if err != nil || len(out.UnprocessedTraceSegments) != 1 || *out.UnprocessedTraceSegments[0].ErrorCode != errStoreFull {
		t.Errorf("one Region too many answers %+v, %v", out, err)
	}
}

// What an earlier run has kept is bounded by age from the start, also of Regions that
// nobody asks about; what is empty goes.
func TestOldTracesGoAfterARestart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Dir: dir})
		b.put(segmentAt(time.Now(), 1))
		b.end()
		time.Sleep(retention + 24*time.Hour)

		b = newBench(t, Options{Dir: dir})
		b.in("xx-1")
		b.put(segmentAt(time.Now(), 2))
		b.end()
		segments, err := filepath.Glob(filepath.Join(dir, testScope.Account, testScope.Region, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range segments {
			if f, err := os.Stat(name); err != nil || f.Size() > 0 {
				t.Errorf("%s is still there (%v)", name, err)
			}
		}

		b = newBench(t, Options{Dir: dir})
		regions, err := os.ReadDir(filepath.Join(dir, testScope.Account))
		if err != nil || len(regions) != 1 || b.s.kept.of(record.Scope{Account: testScope.Account, Region: "xx-1"}) == nil {
			t.Errorf("%v are left (%v)", regions, err)
		}
		b.end()
	})
}

// A journal that cannot be opened tells so at the start.
func TestTracesCannotBeOpened(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s := New(newBench(t, Options{}).s.st, Options{Dir: dir})
	if err := s.Run(t.Context()); err == nil {
		t.Error("a file in the place of the directory is not told")
	}
}
