package cloudformation

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	api "gatehouse/internal/awsapi/cloudformation"
)

// A provider is the function of a custom resource: it answers at once, if it has an
// answer for the type of the request.
type provider struct {
	API
	to      http.Handler
	answers map[string]func(in *customRequest) string
	status  []int // of what was put
}

// Call answers calls of the function.
func (p *provider) Call(ctx context.Context, service, operation string, in map[string]any) (map[string]any, error) {
	if service != "lambda" {
		return p.API.Call(ctx, service, operation, in)
	}
	var event customRequest
	if err := json.Unmarshal(in["Payload"].([]byte), &event); err != nil {
		return nil, err
	}
	if answer := p.answers[event.RequestType]; answer != nil {
		p.put(&event, answer(&event))
	}
	return nil, nil
}

func (p *provider) put(event *customRequest, answer string) {
	w := httptest.NewRecorder()
	p.to.ServeHTTP(w, httptest.NewRequest(http.MethodPut, event.ResponseURL, strings.NewReader(answer)))
	p.status = append(p.status, w.Code)
}

// answerTo is a well-formed answer.
func answerTo(in *customRequest, status string, more map[string]any) string {
	m := map[string]any{"Status": status, "PhysicalResourceId": "thing", "StackId": in.StackId, "RequestId": in.RequestId, "LogicalResourceId": in.LogicalResourceId}
	for k, v := range more {
		m[k] = v
	}
	return marshalText(m)
}

// TestCustom: what becomes of a custom resource is what its function puts to the URL, in
// time.
func TestCustom(t *testing.T) {
	ok := func(in *customRequest) string {
		return answerTo(in, "SUCCESS", map[string]any{"Data": map[string]any{"A": "b"}})
	}
	tests := []struct {
		name    string
		more    string // properties
		minutes *int32
		create  func(in *customRequest) string
		why     string // it fails; empty: it does not
		after   time.Duration
	}{
		{"answers", "", nil, ok, "", 0},
		{"fails", "", nil, func(in *customRequest) string { return answerTo(in, "FAILED", map[string]any{"Reason": "no luck"}) }, "Message returned: no luck (RequestId: ", 0},
		{"of another", "", nil, func(in *customRequest) string { return answerTo(in, "SUCCESS", map[string]any{"RequestId": "other"}) }, "Value of property RequestId must match", 0},
		{"nonsense", "", nil, func(*customRequest) string { return "done" }, "Invalid Response object", 0},
		{"too long", "", nil, func(in *customRequest) string {
			return answerTo(in, "SUCCESS", map[string]any{"Reason": strings.Repeat("x", maxAnswer)})
		}, "Response object is too long.", 0},
		{"silent", `,"ServiceTimeout":"30"`, nil, nil, "did not receive a response", 30 * time.Second},
		{"silent for ever", "", nil, nil, "did not receive a response", time.Hour},
		{"silent until the stack's end", "", new(int32(2)), nil, "did not receive a response", 2 * time.Minute},
		{"no time", `,"ServiceTimeout":0`, nil, ok, "ServiceTimeout must be a number of seconds between 1 and 3600", 0},
		{"too much time", `,"ServiceTimeout":18446744075`, nil, ok, "ServiceTimeout must be a number of seconds between 1 and 3600", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				before := w.records()
				w.opt.AnswersAt = "http://gatehouse"
				p := &provider{API: w.api, to: w.Service, answers: map[string]func(in *customRequest) string{"Create": tt.create, "Delete": ok}}
				w.api = p
				began := time.Now()
				in := &api.CreateStackInput{StackName: new("s"), TimeoutInMinutes: tt.minutes,
					TemplateBody: new(`{"Resources":{"Thing":{"Type":"Custom::Thing","Properties":{"ServiceToken":"arn:aws:lambda:eu-west-1:123456789012:function:f"` + tt.more + `}}},"Outputs":{"A":{"Value":{"Fn::GetAtt":["Thing","A"]}}}}`)}
				if _, err := w.CreateStack(w.ctx, in); err != nil {
					t.Fatal(err)
				}
				w.work()
				want := "CREATE_COMPLETE"
				if tt.why != "" {
					want = "ROLLBACK_COMPLETE"
				}
				if got, took := w.status("s"), time.Since(began); got != want || took != tt.after {
					t.Errorf("%s after %v, want %s after %v", got, took, want, tt.after)
				}
				if why := w.whyFailed("s", "Thing"); !strings.Contains(why, tt.why) || (why == "") != (tt.why == "") {
					t.Errorf("failed because %q, want %q", why, tt.why)
				}
				w.delete("s", w.id("s"))
				if after := w.records(); len(missing(after, before)) > 0 || len(w.expected) > 0 {
					t.Errorf("left over: %q, %d answers expected", missing(after, before), len(w.expected))
				}
				for _, status := range p.status {
					if status != http.StatusOK {
						t.Errorf("an answer was refused: %v", p.status)
					}
				}
			})
		})
	}
}

// whyFailed is why a resource could not be made; empty: it could.
func (w *world) whyFailed(stack, logical string) string {
	w.t.Helper()
	out, err := w.DescribeStackEvents(w.ctx, &api.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range out.StackEvents {
		if str(e.LogicalResourceId) == logical && str(e.ResourceStatus) == "CREATE_FAILED" {
			return str(e.ResourceStatusReason)
		}
	}
	return ""
}

// TestAnswerOnce: a URL is good for one answer, while somebody waits for it.
func TestAnswerOnce(t *testing.T) {
	w := newWorld(t)
	w.opt.AnswersAt = "http://gatehouse"
	url, answers, done, err := w.expect()
	if err != nil {
		t.Fatal(err)
	}
	put := func(method, url string) int {
		rec := httptest.NewRecorder()
		w.ServeHTTP(rec, httptest.NewRequest(method, url, strings.NewReader("{}")))
		return rec.Code
	}
	other, _, giveUp, err := w.expect()
	if err != nil {
		t.Fatal(err)
	}
	giveUp()
	got := fmt.Sprint(put("GET", url), put("PUT", url+"x"), put("PUT", other), put("PUT", url), put("PUT", url))
	if want := "405 403 403 200 403"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if body := <-answers; string(body) != "{}" {
		t.Errorf("answer %s", body)
	}
	done()
	if len(w.expected) > 0 {
		t.Errorf("%d are expected still", len(w.expected))
	}
}
