package sdk_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	logs "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"gatehouse/test/gatehousetest"
)

// hostless sends what would go to a host with a prefix to the server.
type hostless struct{ host string }

func (h hostless) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Host == "" {
		r.Host = r.URL.Host // which was signed
	}
	r.URL.Host = h.host
	return http.DefaultTransport.RoundTrip(r)
}

// logsOf is a client of a server's logs.
func logsOf(t *testing.T, s *gatehousetest.Server) *logs.Client {
	t.Helper()
	access, secret, err := s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	return logs.New(logs.Options{Region: "us-east-1", BaseEndpoint: aws.String(s.Endpoint()), RetryMaxAttempts: 1,
		HTTPClient:  &http.Client{Transport: hostless{strings.TrimPrefix(s.Endpoint(), "http://")}},
		Credentials: credentials.NewStaticCredentialsProvider(access, secret, "")})
}

// TestLiveTail follows a log group as it grows, by the stream of events of
// StartLiveTail.
func TestLiveTail(t *testing.T) {
	s := start(t)
	c := logsOf(t, s)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	group, stream := aws.String("/live"), aws.String("s")
	if _, err := c.CreateLogGroup(ctx, &logs.CreateLogGroupInput{LogGroupName: group}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.CreateLogStream(ctx, &logs.CreateLogStreamInput{LogGroupName: group, LogStreamName: stream}); err != nil {
		t.Fatal(err)
	}
	out, err := c.StartLiveTail(ctx, &logs.StartLiveTailInput{
		LogGroupIdentifiers: []string{"arn:aws:logs:us-east-1:000000000000:log-group:/live"}, LogEventFilterPattern: aws.String("ERROR"),
	})
	if err != nil {
		t.Fatal(err)
	}
	events := out.GetStream()
	defer events.Close()
	if e, ok := (<-events.Events()).(*types.StartLiveTailResponseStreamMemberSessionStart); !ok || *e.Value.LogEventFilterPattern != "ERROR" {
		t.Fatalf("the first event is %+v (%v)", e, events.Err())
	}
	_, err = c.PutLogEvents(ctx, &logs.PutLogEventsInput{LogGroupName: group, LogStreamName: stream, LogEvents: []types.InputLogEvent{
		{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String("fine")},
		{Timestamp: aws.Int64(time.Now().UnixMilli()), Message: aws.String("ERROR here")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for e := range events.Events() {
		u, ok := e.(*types.StartLiveTailResponseStreamMemberSessionUpdate)
		if !ok {
			t.Fatalf("%T in the stream", e)
		}
		if len(u.Value.SessionResults) == 0 {
			continue
		}
		if r := u.Value.SessionResults[0]; len(u.Value.SessionResults) != 1 || *r.Message != "ERROR here" || *r.LogStreamName != "s" {
			t.Errorf("got %+v", u.Value.SessionResults)
		}
		return
	}
	t.Fatalf("the stream ended: %v", events.Err())
}
