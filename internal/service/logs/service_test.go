package logs

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	api "gatehouse/internal/awsapi/logs"
	"gatehouse/internal/awsrpc"
	"gatehouse/internal/journal"
	"gatehouse/internal/record"
	"gatehouse/internal/store/memstore"
)

var testScope = record.Scope{Account: "111111111111", Region: "eu-west-1"}

// A bench is a service that runs until the test ends.
type bench struct {
	t   testing.TB
	s   *Service
	ctx context.Context
	end func()
}

func newBench(t testing.TB, st *memstore.Store, opt Options) *bench {
	t.Helper()
	return startBench(t, New(st, opt))
}

func startBench(t testing.TB, s *Service) *bench {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	var once sync.Once
	b := &bench{t: t, s: s, ctx: awsrpc.WithCaller(ctx, awsrpc.Caller{Account: testScope.Account, Region: testScope.Region})}
	b.end = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
	t.Cleanup(b.end)
	if err := s.Wait(ctx, 0); err != nil {
		t.Fatal(err)
	}
	return b
}

func newStore(t testing.TB) *memstore.Store {
	st := memstore.New(memstore.Options{})
	t.Cleanup(func() { _ = st.Close() })
	return st
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) group(name string, streams ...string) {
	b.t.Helper()
	b.must(b.s.CreateLogGroup(b.ctx, &api.CreateLogGroupInput{LogGroupName: &name}))
	for _, stream := range streams {
		b.must(b.s.CreateLogStream(b.ctx, &api.CreateLogStreamInput{LogGroupName: &name, LogStreamName: &stream}))
	}
}

func (b *bench) put(group, stream string, messages ...string) {
	b.t.Helper()
	b.putAt(now(), group, stream, messages...)
}

func (b *bench) putAt(at int64, group, stream string, messages ...string) {
	b.t.Helper()
	_, err := b.s.PutLogEvents(b.ctx, &api.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: eventsAt(at, messages...)})
	b.must(err)
}

// eventsAt are events, a millisecond apart.
func eventsAt(at int64, messages ...string) []api.InputLogEvent {
	var list []api.InputLogEvent
	for i, m := range messages {
		list = append(list, api.InputLogEvent{Timestamp: new(at + int64(i)), Message: &m})
	}
	return list
}

func (b *bench) filter(group, pattern string) []string {
	b.t.Helper()
	out, err := b.s.FilterLogEvents(b.ctx, &api.FilterLogEventsInput{LogGroupName: &group, FilterPattern: &pattern})
	b.must(err)
	list := []string{}
	for _, e := range out.Events {
		list = append(list, *e.LogStreamName+" "+*e.Message)
	}
	return list
}

func refusal(t *testing.T, err error) string {
	t.Helper()
	var e *awsrpc.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no answer", err)
	}
	return e.Code + ": " + e.Message
}

func TestPutRefused(t *testing.T) {
	b := newBench(t, newStore(t), Options{Dir: t.TempDir()})
	b.group("g", "s")
	at := now()
	tests := []struct {
		name          string
		group, stream string
		events        []api.InputLogEvent
		want          string
	}{
		{"no group", "x", "s", eventsAt(at, "a"), "ResourceNotFoundException: The specified log group does not exist."},
		{"no stream", "g", "x", eventsAt(at, "a"), "ResourceNotFoundException: The specified log stream does not exist."},
		{"order", "g", "s", append(eventsAt(at, "a"), eventsAt(at-1, "b")...), "InvalidParameterException: Log events in a single PutLogEvents request must be in chronological order."},
		{"span", "g", "s", append(eventsAt(at-25*3600*1000, "a"), eventsAt(at, "b")...), "InvalidParameterException: The batch of log events in a single PutLogEvents request cannot span more than 24 hours."},
		{"size", "g", "s", eventsAt(at, strings.Repeat("x", 600_000), strings.Repeat("x", 600_000)), "InvalidParameterException: Upload too large: 1200052 bytes exceeds limit of 1048576"},
		{"event", "g", "s", eventsAt(at, strings.Repeat("x", 1<<20)), "InvalidParameterException: Log event too large: 1048602 bytes exceeds limit of 1048576"},
	}
	for _, tt := range tests {
		_, err := b.s.PutLogEvents(b.ctx, &api.PutLogEventsInput{LogGroupName: &tt.group, LogStreamName: &tt.stream, LogEvents: tt.events})
		if got := refusal(t, err); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
	if list := b.filter("g", ""); len(list) != 0 {
		t.Errorf("refused events are there: %v", list)
	}
}

// TestRejected: what is too old or too new is named, and the rest is taken.
func TestRejected(t *testing.T) {
	b := newBench(t, newStore(t), Options{Dir: t.TempDir()})
	b.group("g", "s")
	b.must(b.s.PutRetentionPolicy(b.ctx, &api.PutRetentionPolicyInput{LogGroupName: new("g"), RetentionInDays: new(int32(3))}))
	const hour = 3600 * 1000
	at := now()
	events := append(eventsAt(at-15*24*hour, "old"), eventsAt(at-4*24*hour, "expired")...)
	events = append(events, eventsAt(at, "good")...)
	events = append(events, eventsAt(at+3*hour, "new")...)
	out, err := b.s.PutLogEvents(b.ctx, &api.PutLogEventsInput{LogGroupName: new("g"), LogStreamName: new("s"), LogEvents: events})
	b.must(err)
	want := &api.RejectedLogEventsInfo{TooOldLogEventEndIndex: new(int32(1)), ExpiredLogEventEndIndex: new(int32(2)), TooNewLogEventStartIndex: new(int32(3))}
	if diff := cmp.Diff(want, out.RejectedLogEventsInfo); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"s good"}, b.filter("g", "")); diff != "" {
		t.Error(diff)
	}
}

// TestGetPages walks a stream both ways, and stands still at its ends.
func TestGetPages(t *testing.T) {
	b := newBench(t, newStore(t), Options{Dir: t.TempDir()})
	b.group("g", "s", "other")
	at := now()
	for i := range 5 {
		b.putAt(at+int64(10*i), "g", "s", fmt.Sprint("a", i), fmt.Sprint("b", i))
		b.putAt(at+int64(10*i), "g", "other", "not this")
	}
	get := func(token *string, head bool) (string, *api.GetLogEventsResponse) {
		out, err := b.s.GetLogEvents(b.ctx, &api.GetLogEventsInput{LogGroupName: new("g"), LogStreamName: new("s"), Limit: new(int32(4)), StartFromHead: &head, NextToken: token})
		b.must(err)
		var list []string
		for _, e := range out.Events {
			list = append(list, *e.Message)
		}
		return strings.Join(list, " "), out
	}
	text, out := get(nil, false)
	if text != "a3 b3 a4 b4" {
		t.Errorf("the last page is %s", text)
	}
	end := *out.NextForwardToken
	if text, out := get(&end, true); text != "" || *out.NextForwardToken != end {
		t.Errorf("behind the last page: %q, token %s, want %s", text, *out.NextForwardToken, end)
	}
	text, out = get(out.NextBackwardToken, false)
	if text != "a1 b1 a2 b2" {
		t.Errorf("the page before is %s", text)
	}
	if text, _ := get(out.NextForwardToken, true); text != "a3 b3 a4 b4" {
		t.Errorf("and forward again %s", text)
	}
	if text, _ := get(nil, true); text != "a0 b0 a1 b1" {
		t.Errorf("the first page is %s", text)
	}
	b.putAt(at+100, "g", "s", "late")
	if text, _ := get(&end, true); text != "late" {
		t.Errorf("what came since is %q", text)
	}
	if _, err := b.s.GetLogEvents(b.ctx, &api.GetLogEventsInput{LogGroupName: new("g"), LogStreamName: new("s"), NextToken: new("x")}); err == nil {
		t.Error("a wrong token is taken")
	}
}

// TestStreams: names outlive the process; a stream that was deleted takes its
// events along, and one of its name begins anew.
func TestStreams(t *testing.T) {
	st, dir := newStore(t), t.TempDir()
	b := newBench(t, st, Options{Dir: dir})
	b.group("g", "a", "b")
	b.put("g", "a", "one")
	b.putAt(now()-5000, "g", "b", "two")
	b.must(b.s.DeleteLogStream(b.ctx, &api.DeleteLogStreamInput{LogGroupName: new("g"), LogStreamName: new("a")}))
	b.end()
	b = newBench(t, st, Options{Dir: dir})
	b.must(b.s.CreateLogStream(b.ctx, &api.CreateLogStreamInput{LogGroupName: new("g"), LogStreamName: new("a")}))
	b.put("g", "a", "three")
	if diff := cmp.Diff([]string{"b two", "a three"}, b.filter("g", "")); diff != "" {
		t.Error(diff)
	}
	out, err := b.s.DescribeLogStreams(b.ctx, &api.DescribeLogStreamsInput{LogGroupName: new("g"), OrderBy: new(byEventTime), Descending: new(true)})
	b.must(err)
	if len(out.LogStreams) != 2 || *out.LogStreams[0].LogStreamName != "a" || out.LogStreams[1].LastEventTimestamp == nil {
		t.Errorf("streams by time: %+v", out.LogStreams)
	}
	// A group made anew has nothing of the old one.
	b.must(b.s.DeleteLogGroup(b.ctx, &api.DeleteLogGroupInput{LogGroupName: new("g")}))
	b.group("g", "b")
	if list := b.filter("g", ""); len(list) != 0 {
		t.Errorf("a new group has %v", list)
	}
}

// Whoever takes the files of a running service away costs the events that only
// they had, but neither names of streams nor what comes.
func TestFilesRemoved(t *testing.T) {
	st, dir := newStore(t), t.TempDir()
	b := newBench(t, st, Options{Dir: dir})
	b.group("g", "a", "b")
	b.put("g", "a", "one")
	b.must(os.Rename(dir, filepath.Join(t.TempDir(), "away"))) // at once: the service writes meanwhile
	b.put("g", "b", "two")
	b.must(b.s.CreateLogStream(b.ctx, &api.CreateLogStreamInput{LogGroupName: new("g"), LogStreamName: new("c")}))
	b.put("g", "c", "three")
	b.end()
	b = newBench(t, st, Options{Dir: dir})
	b.put("g", "a", "four")
	list := b.filter("g", "")
	slices.Sort(list)
	if diff := cmp.Diff([]string{"a four", "a one", "b two", "c three"}, list); diff != "" { // one was in memory still
		t.Error(diff)
	}
}

// TestWaiting: lines for a group that is made by them wait for it; others are
// dropped and counted.
func TestWaiting(t *testing.T) {
	b := newBench(t, newStore(t), Options{Dir: t.TempDir()})
	made, homeless := b.s.Group(testScope, "made", true), b.s.Group(testScope, "none", false)
	for i := range 3 {
		made.Stream("s").Write(now(), fmt.Append(nil, "line ", i))
		homeless.Stream("s").Write(now(), []byte("lost"))
	}
	for !made.Exists() {
		reached := b.s.progress.Reached()
		if !made.Exists() {
			b.must(b.s.Wait(b.ctx, reached+1))
		}
	}
	for len(b.filter("made", "")) < 3 { // the group is there a moment before the lines that have waited for it
		runtime.Gosched()
	}
	made.Stream("s").Write(now(), []byte("after"))
	if diff := cmp.Diff([]string{"s line 0", "s line 1", "s line 2", "s after"}, b.filter("made", "")); diff != "" {
		t.Error(diff)
	}
	if n := b.s.Stats().Homeless; n != 3 {
		t.Errorf("%d lines without a group counted, want 3", n)
	}
}

// A subscriberFunc stands for the HTTP client.
type subscriberFunc func(*http.Request) (*http.Response, error)

func (f subscriberFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestSubscription: a subscriber that fails gets the same events again until it
// takes them, and after a restart goes on where it was.
func TestSubscription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, dir := newStore(t), t.TempDir()
		var got []string
		failures := 3
		take := subscriberFunc(func(r *http.Request) (*http.Response, error) {
			if failures--; failures >= 0 {
				return nil, errors.New("it is down")
			}
			zr, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Error(err)
			}
			var m message
			if err := json.NewDecoder(zr).Decode(&m); err != nil {
				t.Error(err)
			}
			for _, e := range m.Events {
				got = append(got, m.Stream+" "+e.Message)
			}
			return &http.Response{StatusCode: 200, Body: io.NopCloser(bytes.NewReader(nil)), Request: r}, nil
		})
		b := newBench(t, st, Options{Dir: dir})
		b.s.deli.client.Transport = take
		b.group("g", "s")
		b.put("g", "s", "before")
		b.must(b.s.PutSubscriptionFilter(b.ctx, &api.PutSubscriptionFilterInput{
			LogGroupName: new("g"), FilterName: new("f"), FilterPattern: new("ERROR"), DestinationArn: new("http://subscriber/"),
		}))
		synctest.Wait()
		b.put("g", "s", "ERROR one", "fine", "ERROR two")
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"s ERROR one", "s ERROR two"}, got); diff != "" {
			t.Error(diff)
		}
		b.end()
		b = newBench(t, st, Options{Dir: dir})
		b.s.deli.client.Transport = take
		b.put("g", "s", "ERROR three")
		time.Sleep(time.Minute)
		synctest.Wait()
		if diff := cmp.Diff([]string{"s ERROR one", "s ERROR two", "s ERROR three"}, got); diff != "" {
			t.Error(diff)
		}
		b.end()
	})
}

// A record that would be too long for a log group has its message cut, and does not
// hold up the others.
func TestDeliverTooLong(t *testing.T) {
	b := newBench(t, newStore(t), Options{Dir: t.TempDir()})
	b.group("to")
	c := &courier{s: b.s, scope: testScope, from: vendedSource{RestAPI: "a", Stage: "s"}, v: vendedDelivery{Fields: []string{fieldMessage}},
		to: vendedDestination{Kind: toGroup, Format: "json", Resource: "arn:aws:logs:eu-west-1:111111111111:log-group:to"}}
	long := journal.Entry{Time: now(), Text: bytes.Repeat([]byte{'"'}, journal.MaxText-100)}
	b.must(c.take(b.ctx, []journal.Entry{long, {Time: now(), Text: []byte("short")}}))
	l, err := b.s.find(b.ctx, "to")
	b.must(err)
	if n := l.journal.Last(); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	text := c.fitting(&long)
	var record map[string]string
	if err := json.Unmarshal(text, &record); err != nil || !strings.HasSuffix(record[fieldMessage], `" [TRUNCATED]`) || len(text) > journal.MaxText || len(text) < journal.MaxText-100 {
		t.Errorf("a record of %d bytes: %.100q (%v)", len(text), text, err)
	}
}

// What is delivered is not cut as the group's events are, from the moment that there
// is a delivery until there is none, and over a restart.
func TestWhole(t *testing.T) {
	b := newBench(t, newStore(t), Options{Dir: t.TempDir()})
	b.group("API-Gateway-Execution-Logs_a/s")
	w := b.s.Group(testScope, "API-Gateway-Execution-Logs_a/s", true).Stream("x")
	write := func() { w.WriteWhole(now(), []byte("short"), []byte("a longer text")) }
	write()
	if w.Delivers() {
		t.Error("without a delivery something delivers")
	}
	from, v := &vendedSource{Name: "from", RestAPI: "a", Stage: "s"}, &vendedDelivery{ID: "d", Source: "from", Destination: "to"}
	b.s.following.Lock() // until it is stored, as who makes a delivery does
	begun, err := b.s.beginHere(b.ctx, testScope, from, v)
	b.must(err)
	write()
	l, err := b.s.find(b.ctx, from.group())
	b.must(err)
	whole, err := b.s.openWhole(l)
	b.must(err)
	at, err := begun.read()
	b.must(err)
	entries, err := whole.journal.Next(b.ctx, at)
	b.must(err)
	if !w.Delivers() || len(entries) != 1 || string(entries[0].Text) != "a longer text" {
		t.Errorf("%d entries are to be delivered: %+v", len(entries), entries)
	}
	// Another process gets both, if something delivers.
	var diverted []string
	b.s.Divert(func(_ record.Scope, group, stream string, _ int64, text, whole []byte) bool {
		diverted = append(diverted, fmt.Sprintf("%s %s %q %q", group, stream, text, whole))
		return true
	})
	write()
	w.Write(now(), []byte("an access log's"))
	b.s.diverted.Store(nil)
	want := []string{from.group() + ` x "short" "a longer text"`, from.group() + ` x "an access log's" ""`}
	if diff := cmp.Diff(want, diverted); diff != "" {
		t.Error(diff)
	}
	b.s.following.Unlock()
	if diff := cmp.Diff([]string{"x short", "x short"}, b.filter(from.group(), "")); diff != "" {
		t.Error(diff)
	}
	if _, err := b.s.vendedFeeds(b.ctx); err != nil || w.Delivers() { // no delivery is stored
		t.Errorf("nothing delivers, and it is still written (%v)", err)
	}
	if _, err := whole.journal.Follow(b.ctx, at); !errors.Is(err, journal.ErrRemoved) {
		t.Errorf("what nothing delivers is still there (%v)", err)
	}
}

// Who reads many events at once does not wait for those that are gone.
func TestPassOverWhatIsGone(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		set := journal.NewSet(dir, journal.Options{Block: 8 << 10, Segment: 8 << 10})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- set.Run(ctx) }()
		j, err := set.Open("j")
		if err != nil {
			t.Fatal(err)
		}
		random := rand.NewChaCha8([32]byte{})
		for range 20 {
			text := make([]byte, 6<<10)
			_, _ = random.Read(text) // never fails
			if err := j.Write([]journal.Entry{{Text: text}}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute) // all is put away, in files
		files, err := filepath.Glob(filepath.Join(dir, "j", "*.*"))
		if err != nil || len(files) < 3 {
			t.Fatal(files, err)
		}
		for _, name := range files[1:] {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		short, end := context.WithTimeout(ctx, time.Hour)
		defer end()
		f := &feed{l: &live{journal: j}, most: 1 << 20}
		entries, err := f.follow(short, 0)
		if err != nil || len(entries) == 0 || entries[0].Seq != 1 {
			t.Fatalf("a feed gets %d entries, %v", len(entries), err)
		}
		tail := &tailed{l: f.l, from: entries[len(entries)-1].Seq}
		if tail.read(short, nil, nil, nil); tail.from != 20 || short.Err() != nil {
			t.Errorf("a tail is at event %d, want 20; %v", tail.from, short.Err())
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// counted takes what metric filters count.
type counted struct {
	mu   sync.Mutex // guards list
	list []string
}

func (c *counted) PutMetric(account, region string, m Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, fmt.Sprint(account, " ", region, " ", m.Namespace, " ", m.Name, " ", m.Unit, " ", m.Value, " ", m.Dimensions))
}

func TestMetricFilter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c counted
		b := newBench(t, newStore(t), Options{Dir: t.TempDir(), Metrics: &c})
		b.group("g", "s")
		filter := func(name, pattern string, to api.MetricTransformation) error {
			to.MetricNamespace, to.MetricName = new("N"), &name
			return b.s.PutMetricFilter(b.ctx, &api.PutMetricFilterInput{LogGroupName: new("g"), FilterName: &name, FilterPattern: &pattern, MetricTransformations: []api.MetricTransformation{to}})
		}
		b.must(filter("Errors", "ERROR", api.MetricTransformation{MetricValue: new("1"), Unit: new("Count")}))
		b.must(filter("Latency", "{ $.ms > 0 }", api.MetricTransformation{MetricValue: new("$.ms"), Dimensions: map[string]string{"Path": "$.path"}}))
		b.must(filter("Never", "never", api.MetricTransformation{MetricValue: new("1"), DefaultValue: new(0.0)}))
		for _, bad := range []api.MetricTransformation{{MetricValue: new("$.ms")}, {MetricValue: new("x")}, {MetricValue: new("1"), Dimensions: map[string]string{"A": "$b"}}} {
			if err := filter("Bad", "ERROR", bad); err == nil {
				t.Errorf("%v is taken", bad)
			}
		}
		synctest.Wait()
		b.put("g", "s", "ERROR a", `{"ms":17,"path":"/p"}`, `{"ms":18}`, "fine")
		time.Sleep(time.Second)
		synctest.Wait()
		want := []string{
			"111111111111 eu-west-1 N Errors Count 1 map[]",
			"111111111111 eu-west-1 N Latency  17 map[Path:/p]",
			"111111111111 eu-west-1 N Never  0 map[]",
		}
		if diff := cmp.Diff(want, c.list); diff != "" {
			t.Error(diff)
		}
		b.end()
	})
}

func TestStreamWriteAllocs(t *testing.T) {
	b := newBench(t, newStore(t), Options{Dir: t.TempDir()})
	b.group("g")
	w := b.s.Group(testScope, "g", false).Stream("s")
	line := []byte(strings.Repeat("x", 150))
	w.Write(1, line)
	if n := testing.AllocsPerRun(1000, func() { w.Write(2, line) }); n != 0 {
		t.Errorf("Write allocates %v times, budget 0", n)
	}
}
