package xray

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/record"
	"gatehouse/internal/store/memstore"
	"gatehouse/internal/trace"
)

var testScope = record.Scope{Account: "111111111111", Region: "eu-west-1"}

// A bench is a service that runs until the test ends.
type bench struct {
	t   *testing.T
	s   *Service
	ctx context.Context
	end func()
}

func newBench(t *testing.T, opt Options) *bench {
	t.Helper()
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { st.Close() })
	if opt.Dir == "" {
		opt.Dir = t.TempDir()
	}
	ctx, cancel := context.WithCancel(t.Context())
	b := &bench{t: t, s: New(st, opt), ctx: awsrpc.WithCaller(ctx, awsrpc.Caller{Account: testScope.Account, Region: testScope.Region})}
	done := make(chan error, 1)
	go func() { done <- b.s.Run(ctx) }()
	var once sync.Once
	b.end = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(b.end)
	if err := b.s.Wait(ctx, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

// traceID returns the id of a trace that begins at a time.
func traceID(at time.Time, n int) string { return fmt.Sprintf("1-%08x-%024x", at.Unix(), n) }

func segmentAt(at time.Time, n int) string {
	return fmt.Sprintf(`{"name":"s","id":"%016x","trace_id":"%s","start_time":%d.5,"end_time":%d.75}`, n, traceID(at, n), at.Unix(), at.Unix())
}

// AWS: "AWS X-Ray segment documents"; MissingId and InvalidTraceId are its words.
func TestPutRefuses(t *testing.T) {
	b := newBench(t, Options{})
	now := time.Now()
	good := func(change string) string {
		doc := map[string]any{}
		if err := json.Unmarshal([]byte(segmentAt(now, 7)), &doc); err != nil {
			t.Fatal(err)
		}
		for part := range strings.FieldsSeq(change) {
			key, value, _ := strings.Cut(part, "=")
			delete(doc, key)
			if value != "" {
				var v any
				if err := json.Unmarshal([]byte(value), &v); err != nil {
					t.Fatal(err)
				}
				doc[key] = v
			}
		}
		text, _ := json.Marshal(doc)
		return string(text)
	}
	tests := []struct{ name, doc, want string }{
		{"good", good(""), ""},
		{"in progress", good("end_time= in_progress=true"), ""},
		{"no JSON", "{", errParse},
		{"an array", "[]", errParse},
		{"empty", "{}", errNoID},
		{"no id", good("id="), errNoID},
		{"short id", good(`id="12"`), errID},
		{"no name", good("name="), errNoName},
		{"no trace", good("trace_id="), errNoTrace},
		{"no trace id", good(`trace_id="1-2-3"`), errTrace},
		{"old trace", good(`trace_id="` + traceID(now.Add(-31*24*time.Hour), 1) + `"`), errTrace},
		{"trace to come", good(`trace_id="` + traceID(now.Add(time.Hour), 1) + `"`), errTrace},
		{"no start", good("start_time="), errNoStart},
		{"no end", good("end_time="), errNoEnd},
		{"milliseconds", good(fmt.Sprintf("start_time=%d", now.UnixMilli())), errTimes},
		{"an end that never comes", good("end_time=1e308"), errTimes},
		{"a part without a beginning", good(`subsegments=[{"name":"s","id":"0000000000000009","start_time":-1e308,"end_time":1}]`), errTimes},
		{"subsegment of nothing", good(`type="subsegment"`), errNoParent},
		{"too large", good(`user="` + strings.Repeat("u", maxDocument) + `"`), errTooLarge},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			out, err := b.s.PutTraceSegments(b.ctx, &api.PutTraceSegmentsInput{TraceSegmentDocuments: []string{tt.doc}})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(out.UnprocessedTraceSegments) > 0 {
				u := out.UnprocessedTraceSegments[0]
				if got = *u.ErrorCode; *u.Message != "Invalid segment. ErrorCode: "+got {
					t.Errorf("the message is %q", *u.Message)
				}
			}
			if got != tt.want {
				t.Errorf("refused with %q, want %q", got, tt.want)
			}
		})
	}
}

// Where there is no room, clients are told which segments they have still.
func TestPutWithoutRoom(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, Options{Dir: dir})
	if _, err := b.s.journal(testScope); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, testScope.Account), nil, 0o600); err != nil { // in the way of what it writes
		t.Fatal(err)
	}
	now := time.Now()
	var docs []string
	for i := range 200 {
		docs = append(docs, fmt.Sprintf(`{"name":"s","id":"%016x","trace_id":"%s","start_time":%d,"end_time":%d,"user":"%s"}`, i, traceID(now, i), now.Unix(), now.Unix(), strings.Repeat("u", 50<<10)))
	}
	put := func(docs ...string) ([]api.UnprocessedTraceSegment, error) {
		out, err := b.s.PutTraceSegments(b.ctx, &api.PutTraceSegmentsInput{TraceSegmentDocuments: docs})
		return out.UnprocessedTraceSegments, err
	}
	if _, err := put(docs...); err == nil {
		t.Error("what cannot be written is taken")
	}
	refused, err := put(docs[7])
	if err != nil || len(refused) != 1 || *refused[0].ErrorCode != errStoreFull || refused[0].Id == nil || *refused[0].Id != fmt.Sprintf("%016x", 7) {
		t.Errorf("without room: %+v, %v", refused, err)
	}
}

func (b *bench) put(docs ...string) {
	b.t.Helper()
	for part := range slices.Chunk(docs, mostDocuments) {
		out, err := b.s.PutTraceSegments(b.ctx, &api.PutTraceSegmentsInput{TraceSegmentDocuments: part})
		if err != nil || len(out.UnprocessedTraceSegments) > 0 {
			b.t.Fatalf("put: %v, %v", err, out)
		}
	}
}

// All traces come, once each, over pages; and after a new start.
func TestSummariesInPages(t *testing.T) {
	dir := t.TempDir()
	b := newBench(t, Options{Dir: dir})
	begun := time.Now().Add(-time.Hour).Truncate(time.Second)
	const traces = 2500
	var docs []string
	for i := range traces {
		docs = append(docs, segmentAt(begun.Add(time.Duration(i%60)*time.Second), i+1))
	}
	b.put(docs...)
	read := func(b *bench) {
		seen := map[string]bool{}
		in := &api.GetTraceSummariesInput{StartTime: new(begun), EndTime: new(begun.Add(time.Minute)), FilterExpression: new("responsetime = 0.25")}
		for pages := 1; ; pages++ {
			out, err := b.s.GetTraceSummaries(b.ctx, in)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range out.TraceSummaries {
				if seen[*s.Id] {
					t.Fatalf("trace %s comes twice", *s.Id)
				}
				seen[*s.Id] = true
			}
			if in.NextToken = out.NextToken; in.NextToken == nil {
				if len(seen) != traces || pages < 3 {
					t.Errorf("%d traces on %d pages, want %d on 3", len(seen), pages, traces)
				}
				return
			}
		}
	}
	read(b)
	b.end()
	read(newBench(t, Options{Dir: dir}))
}

// Times and tokens that cannot be are refused.
func TestSummariesRefuse(t *testing.T) {
	b := newBench(t, Options{})
	now := time.Now()
	tests := []struct {
		name string
		in   api.GetTraceSummariesInput
	}{
		{"backward", api.GetTraceSummariesInput{StartTime: new(now), EndTime: new(now.Add(-time.Minute))}},
		{"too long", api.GetTraceSummariesInput{StartTime: new(now.Add(-25 * time.Hour)), EndTime: new(now)}},
		{"a token of nobody", api.GetTraceSummariesInput{StartTime: new(now), EndTime: new(now), NextToken: new("x")}},
		{"a token of another time", api.GetTraceSummariesInput{StartTime: new(now), EndTime: new(now), NextToken: new(pageToken{From: 1}.String())}},
		{"by service", api.GetTraceSummariesInput{StartTime: new(now), EndTime: new(now), TimeRangeType: new(api.TimeRangeTypeService)}},
	}
	for _, tt := range tests {
		if _, err := b.s.GetTraceSummaries(b.ctx, &tt.in); err == nil || !strings.Contains(err.Error(), "InvalidRequestException") {
			t.Errorf("%s: %v, want InvalidRequestException", tt.name, err)
		}
	}
}

// A segment that was in progress is replaced when it has ended, and what is there
// of a trace is known at once.
func TestBatchGetTraces(t *testing.T) {
	b := newBench(t, Options{})
	now := time.Now()
	id := traceID(now, 1)
	b.put(fmt.Sprintf(`{"name":"s","id":"0000000000000001","trace_id":"%s","start_time":%d,"in_progress":true}`, id, now.Unix()))
	get := func(ids ...string) *api.BatchGetTracesResponse {
		out, err := b.s.BatchGetTraces(b.ctx, &api.BatchGetTracesInput{TraceIds: ids})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	b.put(segmentAt(now, 1), segmentAt(now, 2))
	out := get(id, traceID(now, 3), "nonsense")
	if len(out.Traces) != 1 || len(out.Traces[0].Segments) != 1 || *out.Traces[0].Segments[0].Document != segmentAt(now, 1) || *out.Traces[0].Duration != 0.25 {
		t.Errorf("the trace is %+v", out.Traces)
	}
	if diff := cmp.Diff([]string{traceID(now, 3), "nonsense"}, out.UnprocessedTraceIds); diff != "" {
		t.Errorf("unknown ids differ (-want +got):\n%s", diff)
	}
	other := awsrpc.WithCaller(b.ctx, awsrpc.Caller{Account: "222222222222", Region: testScope.Region})
	if out, err := b.s.BatchGetTraces(other, &api.BatchGetTracesInput{TraceIds: []string{id}}); err != nil || len(out.Traces) > 0 {
		t.Errorf("another account sees %v, %v", out, err)
	}
}

// A trace that never ends is cut, and says so.
func TestTraceIsBounded(t *testing.T) {
	b := newBench(t, Options{})
	now := time.Now()
	var docs []string
	for i := range 20 {
		docs = append(docs, fmt.Sprintf(`{"name":"s","id":"%016x","trace_id":"%s","start_time":%d,"end_time":%d,"user":"%s"}`, i+1, traceID(now, 1), now.Unix(), now.Unix(), strings.Repeat("u", 50<<10)))
	}
	b.put(docs...)
	out, err := b.s.BatchGetTraces(b.ctx, &api.BatchGetTracesInput{TraceIds: []string{traceID(now, 1)}})
	if err != nil || len(out.Traces) != 1 || !*out.Traces[0].LimitExceeded || len(out.Traces[0].Segments) > 10 {
		t.Errorf("%d segments, limit exceeded %v, %v", len(out.Traces[0].Segments), *out.Traces[0].LimitExceeded, err)
	}
}

// The reservoir is parted among the gateway and the clients that tell of
// themselves, and comes back when they are gone.
func TestLending(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Dir: dir})
		rule := trace.Default()
		_, err := b.s.CreateSamplingRule(b.ctx, &api.CreateSamplingRuleInput{SamplingRule: &api.SamplingRule{
			RuleName: new("r"), Priority: new(int32(1)), ReservoirSize: new(int32(10)), FixedRate: new(0.0), ServiceName: new(rule.Service), ServiceType: new("*"),
			Host: new("*"), HTTPMethod: new("*"), URLPath: new("*"), ResourceARN: new("*"), Version: new(int32(1))}})
		if err != nil {
			t.Fatal(err)
		}
		if err := b.s.Wait(b.ctx, 1); err != nil {
			t.Fatal(err)
		}
		chooser := b.s.Sampler(testScope).Chooser("a", "b", "c")
		here := func() (n int) {
			for range 50 {
				if _, ok := chooser.Choose(&trace.Subject{Now: time.Now(), Draw: 0.5}); ok {
					n++
				}
			}
			return n
		}
		lent := func(client byte) int32 {
			out, err := b.s.GetSamplingTargets(b.ctx, &api.GetSamplingTargetsInput{SamplingStatisticsDocuments: []api.SamplingStatisticsDocument{{
				RuleName: new("r"), ClientID: new(strings.Repeat(string(client), 24)), Timestamp: new(time.Now()), RequestCount: new(int32(7)), SampledCount: new(int32(2))}}})
			if err != nil || len(out.SamplingTargetDocuments) != 1 {
				t.Fatalf("%v, %v", out, err)
			}
			return *out.SamplingTargetDocuments[0].ReservoirQuota
		}
		if n := here(); n != 10 {
			t.Errorf("alone, the gateway chooses %d, want 10", n)
		}
		first := lent('a')
		second := lent('b')
		time.Sleep(time.Second)
		if n := here(); first != 5 || second != 3 || n != 4 {
			t.Errorf("clients are lent %d and %d, the gateway chooses %d; want 5, then 3, and 4", first, second, n)
		}
		time.Sleep(loanTime + targetInterval + time.Second)
		if n := here(); n != 10 {
			t.Errorf("when clients are gone the gateway chooses %d, want 10", n)
		}
		time.Sleep(time.Minute)
		out, err := b.s.GetSamplingStatisticSummaries(b.ctx, &api.GetSamplingStatisticSummariesInput{})
		if err != nil || len(out.SamplingStatisticSummaries) != 2 {
			t.Fatalf("%v, %v", out, err)
		}
		b.end()
	})
}

// The statistics of a minute are of that minute, also where the gateway has chosen
// before anybody asked for them.
func TestStatisticsOfAMinute(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Dir: dir})
		chooser := b.s.Sampler(testScope).Chooser("a", "b", "c")
		choose := func(times int) {
			for range times {
				chooser.Choose(&trace.Subject{Now: time.Now(), Draw: 0.5})
			}
		}
		asked := func() int32 {
			out, err := b.s.GetSamplingStatisticSummaries(b.ctx, &api.GetSamplingStatisticSummariesInput{})
			if err != nil || len(out.SamplingStatisticSummaries) != 1 {
				t.Fatalf("%v, %v", out, err)
			}
			return *out.SamplingStatisticSummaries[0].RequestCount
		}
		choose(50)
		if n := asked(); n != 0 {
			t.Errorf("no minute has passed: %d requests", n)
		}
		choose(3)
		time.Sleep(time.Minute + targetInterval)
		if n := asked(); n != 3 {
			t.Errorf("%d requests in the last minute, want 3", n)
		}
		b.end()
	})
}

// What a client tells of itself is checked, each part by itself.
func TestTargetsRefuse(t *testing.T) {
	b := newBench(t, Options{})
	doc := func(rule, client string) api.SamplingStatisticsDocument {
		return api.SamplingStatisticsDocument{RuleName: new(rule), ClientID: new(client), Timestamp: new(time.Now()), RequestCount: new(int32(1)), SampledCount: new(int32(1))}
	}
	out, err := b.s.GetSamplingTargets(b.ctx, &api.GetSamplingTargetsInput{SamplingStatisticsDocuments: []api.SamplingStatisticsDocument{
		doc("none", strings.Repeat("a", 24)), doc("Default", "short"), doc("Default", strings.Repeat("a", 24))}})
	if err != nil || len(out.SamplingTargetDocuments) != 1 || len(out.UnprocessedStatistics) != 2 {
		t.Errorf("%+v, %v", out, err)
	}
}

// A daemon takes segments where their trace belongs, and answers what the rules are.
func TestDaemon(t *testing.T) {
	b := newBench(t, Options{})
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0") // the same port may be taken
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	d := &Daemon{Service: b.s, UDP: udp, TCP: tcp, Scope: record.Scope{Account: testScope.Account, Region: "us-east-1"}, Log: b.s.opt.Log}
	go func() { done <- d.Run(ctx) }()

	conn, err := net.Dial("udp", udp.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	now := time.Now()
	b.s.Began(traceID(now, 1), testScope.Account, testScope.Region)
	for _, datagram := range []string{"nonsense", "{\"format\": \"json\"}\n{", "{\"format\": \"json\", \"version\": 1}\n" + segmentAt(now, 1), "{\"format\": \"json\", \"version\": 1}\n" + segmentAt(now, 2)} {
		if _, err := conn.Write([]byte(datagram)); err != nil {
			t.Fatal(err)
		}
	}
	j, err := b.s.journal(record.Scope{Account: testScope.Account, Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if list, err := j.Follow(ctx, 0); err != nil || len(list) != 1 || string(list[0].Text) != segmentAt(now, 2) { // the last of them
		t.Errorf("where the daemon is there are %v, %v", list, err)
	}
	if got := b.s.Stats(); got.Kept != 2 || got.Invalid != 2 {
		t.Errorf("counted are %+v", got)
	}
	if found, err := b.s.byID(ctx, testScope, []string{traceID(now, 1)}); err != nil || len(found) != 1 {
		t.Errorf("where the trace began there are %v, %v", found, err)
	}

	for path, want := range map[string]string{"/GetSamplingRules": `"RuleName":"Default"`, "/CreateGroup": "does not implement CreateGroup"} {
		resp, err := http.Post("http://"+tcp.Addr().String()+path, "application/json", strings.NewReader(`{"GroupName":"g"}`))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v; want %s", path, body, err, want)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A faulty socket fails once, then receives a datagram, then nothing.
type faulty struct {
	net.PacketConn
	datagram string
	reads    int
	end      <-chan struct{}
}

func (f *faulty) ReadFrom(b []byte) (int, net.Addr, error) {
	switch f.reads++; f.reads {
	case 1:
		return 0, nil, syscall.ENOBUFS
	case 2:
		return copy(b, f.datagram), nil, nil
	}
	<-f.end
	return 0, nil, net.ErrClosed
}

// A socket that fails for a moment does not end the daemon, and with it the server.
func TestDaemonGoesOn(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Dir: dir})
		ctx, cancel := context.WithCancel(t.Context())
		d := &Daemon{Service: b.s, Scope: testScope, Log: b.s.opt.Log,
			UDP: &faulty{datagram: "{\"format\": \"json\", \"version\": 1}\n" + segmentAt(time.Now(), 1), end: ctx.Done()}}
		done := make(chan error, 1)
		go func() { done <- d.receive(ctx) }()
		time.Sleep(2 * retryTime)
		synctest.Wait()
		if got := b.s.Stats(); got.Kept != 1 {
			t.Errorf("%d segments are kept, want 1", got.Kept)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.end()
	})
}

// Segments of the data plane beyond the rate, and of traces that cannot be, cost
// nothing but a count.
func TestWriteIsBounded(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Dir: dir})
		now := time.Now()
		b.s.Write(&trace.Segment{Name: "s", ID: "0000000000000001", TraceID: "1-0-0", Start: trace.Seconds(now), Account: testScope.Account, Region: testScope.Region})
		for i := range segmentRate + 10 {
			b.s.Write(&trace.Segment{Name: "s", ID: "0000000000000001", TraceID: traceID(now, i), Start: trace.Seconds(now), Account: testScope.Account, Region: testScope.Region})
		}
		if got := b.s.Stats(); got.Kept != segmentRate-1 || got.Dropped != 11 || got.Invalid != 1 {
			t.Errorf("counted are %+v", got)
		}
		b.end()
	})
}

// Of those that began only so many are known.
func TestPlacesAreBounded(t *testing.T) {
	var p places
	for i := range mostPlaces + 5 {
		p.note(fmt.Sprint(i), testScope)
	}
	_, old := p.of("4")
	_, young := p.of("5")
	if old || !young || len(p.known) != mostPlaces {
		t.Errorf("the oldest is known: %v, a younger one: %v, %d in all", old, young, len(p.known))
	}
}

// Groups that name one another, by ever more ways or in a circle, are refused
// before anybody has to follow them.
func TestGroupsAreBounded(t *testing.T) {
	b := newBench(t, Options{})
	named := func(name string, times int) string {
		return strings.TrimSuffix(strings.Repeat(`group.name = "`+name+`" OR `, times), " OR ")
	}
	create := func(name, expression string) error {
		_, err := b.s.CreateGroup(b.ctx, &api.CreateGroupInput{GroupName: new(name), FilterExpression: new(expression)})
		return err
	}
	if err := create("g0", "fault"); err != nil {
		t.Fatal(err)
	}
	if err := create("g1", named("g0", 50)); err != nil {
		t.Error(err)
	}
	if err := create("g2", named("g1", 50)); err == nil || !strings.Contains(err.Error(), "more than 100 times") {
		t.Errorf("2,550 groups are named: %v", err)
	}
	_, err := b.s.UpdateGroup(b.ctx, &api.UpdateGroupInput{GroupName: new("g0"), FilterExpression: new(named("g0", 1))})
	if err != nil { // what it names is as it was
		t.Fatal(err)
	}
	if err := create("g3", named("g0", 1)); err == nil || !strings.Contains(err.Error(), "more than 100 times") {
		t.Errorf("a group that names itself is named: %v", err)
	}
}
