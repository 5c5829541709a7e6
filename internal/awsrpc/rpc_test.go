package awsrpc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"math"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	api "gatehouse/internal/awsapi/cloudwatch"
	"gatehouse/internal/awsrpc"
)

// echo answers some calls of CloudWatch with what it was asked.
type echo struct{ api.UnimplementedServer }

func (echo) PutMetricData(_ context.Context, in *api.PutMetricDataInput) error {
	if len(in.MetricData) != 1 || *in.MetricData[0].MetricName != "m" {
		return fmt.Errorf("got %d metrics", len(in.MetricData))
	}
	return nil
}

func (echo) GetMetricStatistics(_ context.Context, in *api.GetMetricStatisticsInput) (*api.GetMetricStatisticsOutput, error) {
	return &api.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []api.Datapoint{{
		Timestamp: in.StartTime, Sum: ptr(-1.5), ExtendedStatistics: map[string]float64{"p99": math.Inf(1)}}}}, nil
}

func (echo) DeleteAlarms(context.Context, *api.DeleteAlarmsInput) error {
	return api.ResourceNotFound("none")
}

func (echo) DescribeAlarms(_ context.Context, in *api.DescribeAlarmsInput) (*api.DescribeAlarmsOutput, error) {
	return &api.DescribeAlarmsOutput{NextToken: in.NextToken, MetricAlarms: []api.MetricAlarm{{
		Period: in.MaxRecords, AlarmActions: in.AlarmNames, StateUpdatedTimestamp: ptr(time.Unix(1490000000, 250e6)), ActionsEnabled: ptr(true)}}}, nil
}

func ptr[T any](v T) *T { return &v }

func echoHandler(t testing.TB) *awsrpc.Handler {
	h, err := awsrpc.NewHandler([]awsrpc.Mount{api.Mount(echo{})}, awsrpc.Options{Dev: true, MaxBody: 1 << 16})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func zip(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = w.Write([]byte(s))
	_ = w.Close()
	return b.String()
}

func TestAWSJSON(t *testing.T) {
	h := echoHandler(t)
	const datum = `{"Namespace":"n","MetricData":[{"MetricName":"m","Value":1}]}`
	tests := []struct {
		name, op, encoding, body string
		code                     int
		want, queryError         string
	}{
		{"in and out", "DescribeAlarms", "", `{"NextToken":"t","MaxRecords":7,"AlarmNames":["a"],"Unknown":{}}`, 200,
			`{"MetricAlarms":[{"ActionsEnabled":true,"AlarmActions":["a"],"StateUpdatedTimestamp":1490000000.25,"Period":7}],"NextToken":"t"}`, ""},
		{"no output", "PutMetricData", "", datum, 200, "{}", ""},
		{"gzip", "PutMetricData", "gzip", zip(datum), 200, "{}", ""},
		{"not gzip", "PutMetricData", "gzip", datum, 400, `{"__type":"com.amazonaws.cloudwatch#MalformedHttpRequestException","message":"The request body is not gzip"}`, ""},
		{"too much in gzip", "PutMetricData", "gzip", zip(strings.Repeat(" ", 1<<17)), 413,
			`{"__type":"com.amazonaws.cloudwatch#RequestEntityTooLargeException","message":"Request body is larger than 65536 bytes"}`, ""},
		{"an error", "DeleteAlarms", "", `{"AlarmNames":["a"]}`, 404, `{"__type":"com.amazonaws.cloudwatch#ResourceNotFound","message":"none"}`, "ResourceNotFound;Sender"},
		{"a member is missing", "PutMetricData", "", "", 400,
			`{"__type":"com.amazonaws.cloudwatch#ValidationException","message":"1 validation error detected: Value null at 'namespace' failed to satisfy constraint: Member must not be null"}`, ""},
		{"not implemented", "SetAlarmState", "", `{"AlarmName":"a","StateValue":"OK","StateReason":"r"}`, 501,
			`{"__type":"com.amazonaws.cloudwatch#NotImplementedException","message":"Gatehouse does not implement SetAlarmState yet (see COVERAGE.md)"}`, ""},
		{"named only", "PutDashboard", "", `{}`, 501,
			`{"__type":"com.amazonaws.cloudwatch#NotImplementedException","message":"Gatehouse does not implement PutDashboard yet (see COVERAGE.md)"}`, ""},
		{"unknown", "Nothing", "", `{}`, 400, `{"__type":"com.amazonaws.cloudwatch#UnknownOperationException","message":"Unknown operation"}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.body))
			r.Header.Set("X-Amz-Target", "GraniteServiceVersion20100801."+tt.op)
			r.Header.Set("Content-Encoding", tt.encoding)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.code || w.Body.String() != tt.want {
				t.Errorf("%s %s\n got %d %s\nwant %d %s", tt.op, tt.body, w.Code, w.Body, tt.code, tt.want)
			}
			if got := w.Header().Get("Content-Type"); got != "application/x-amz-json-1.0" {
				t.Errorf("Content-Type = %q", got)
			}
			if got := w.Header().Get("X-Amzn-Query-Error"); got != tt.queryError {
				t.Errorf("X-Amzn-Query-Error = %q, want %q", got, tt.queryError)
			}
		})
	}
}

// cbor writes documents by hand: bytes in hexadecimal, and texts in quotes.
func cbor(t *testing.T, doc string) string {
	var b strings.Builder
	for part := range strings.FieldsSeq(doc) {
		if s := strings.Trim(part, "'"); s != part {
			b.WriteByte(byte(0x60 + len(s)))
			b.WriteString(s)
			continue
		}
		raw, err := hex.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(raw)
	}
	return b.String()
}

// The vectors are those of RFC 8949, appendix A.
func TestRPCv2CBOR(t *testing.T) {
	h := echoHandler(t)
	const at = "'EndTime' c11a514b67b0 'Period' 183c 'Namespace' 'n'"
	stats := func(rest string) string {
		return "bf 'MetricName' 'm' " + at + " 'StartTime' c1fb41d452d9ec200000 " + rest + " ff"
	}
	extended := "72" + hex.EncodeToString([]byte("ExtendedStatistics"))
	tests := []struct {
		name, op, body string
		code           int
		want           string
	}{
		{"in and out", "GetMetricStatistics", stats(""), 200,
			"bf 'Label' 'm' 'Datapoints' 81 bf 'Timestamp' c1fb41d452d9ec200000 'Sum' fbbff8000000000000 " + extended + " a1 'p99' fb7ff0000000000000 ff ff"},
		{"a null and what nobody knows", "DeleteAlarms", "a3 'AlarmNames' 9f 'a' 7f 'b' 'c' ff ff 'Other' a1 01 c1 82 f9 3e00 5f 4101 4102 ff 'Unit' f6", 404, ""},
		{"ints, lists, booleans", "DescribeAlarms", "a3 'MaxRecords' 19 0064 'AlarmNames' 82 'a' 'b' 'NextToken' 't'", 200,
			"bf 'MetricAlarms' 81 bf 'ActionsEnabled' f5 'AlarmActions' 82 'a' 'b' 'StateUpdatedTimestamp' c1fb41d633e620100000 'Period' 1864 ff 'NextToken' 't' ff"},
		{"empty", "DescribeAlarms", "", 200, ""},
		{"no document", "DescribeAlarms", "ff", 400, ""},
		{"broken off", "DescribeAlarms", "bf 'NextToken'", 400, ""},
		{"a text longer than the body", "DescribeAlarms", "a1 'NextToken' 7bffffffffffffffff", 400, ""},
		{"more behind it", "DescribeAlarms", "a0 a0", 400, ""},
		{"a number beyond its type", "DescribeAlarms", "a1 'MaxRecords' 1a80000000", 400, ""},
		{"a number for a text", "DescribeAlarms", "a1 'NextToken' 01", 400, ""},
		{"too deep", "DescribeAlarms", "a1 'X' " + strings.Repeat("81", 200) + "01", 400, ""},
		{"below the minimum", "DescribeAlarms", "a1 'MaxRecords' 20", 400, ""},
		{"unknown", "Nothing", "a0", 404, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("POST", "/service/GraniteServiceVersion20100801/operation/"+tt.op, strings.NewReader(cbor(t, tt.body)))
			r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.code {
				t.Fatalf("status = %d, want %d: %q", w.Code, tt.code, w.Body)
			}
			if w.Header().Get("Smithy-Protocol") != "rpc-v2-cbor" || w.Header().Get("Content-Type") != "application/cbor" {
				t.Errorf("headers = %v", w.Header())
			}
			if tt.code != 200 {
				if !strings.Contains(w.Body.String(), "com.amazonaws.cloudwatch#") {
					t.Errorf("no type in %q", w.Body)
				}
				return
			}
			if want := cbor(t, tt.want); want != "" && w.Body.String() != want {
				t.Errorf("got  %x\nwant %x", w.Body, want)
			}
		})
	}
}

// Whatever comes, it is answered.
func FuzzCBOR(f *testing.F) {
	h := echoHandler(f)
	f.Add([]byte("\xbf\x69NextToken\x61a\xff"))
	f.Add([]byte("\xa1\x6aMaxRecords\xf9\x3c\x00"))
	f.Add([]byte("\xa1\x6aAlarmNames\x9f\x61a\xff"))
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/service/GraniteServiceVersion20100801/operation/DescribeAlarms", bytes.NewReader(body))
		r.Header.Set("Smithy-Protocol", "rpc-v2-cbor")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 {
			t.Errorf("%x = %d %q", body, w.Code, w.Body)
		}
	})
}
