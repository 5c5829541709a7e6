package xray

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/trace"
)

// drawn is a graph as text: a line for each service, with whom it calls.
func drawn(g *graph) []string {
	var lines []string
	for _, s := range g.order {
		var to []string
		for _, l := range s.targets {
			to = append(to, fmt.Sprintf("%s×%d", l.to.id.name, l.stats.total()))
		}
		line := fmt.Sprintf("%s (%s)", s.id.name, s.id.kind)
		if s.root {
			line += " root"
		}
		if s.inferred {
			line += " inferred"
		}
		if s.stats.fault > 0 {
			line += fmt.Sprintf(" faults %d", s.stats.fault)
		}
		lines = append(lines, strings.TrimRight(line+" → "+strings.Join(to, ", "), " →"))
	}
	slices.Sort(lines)
	return lines
}

func TestGraph(t *testing.T) {
	g := newGraph()
	g.add(shopTrace())
	g.add(shopTrace())
	want := []string{
		"Pets (AWS::DynamoDB::Table) inferred",
		"pets (AWS::Lambda) → pets×2",
		"pets (AWS::Lambda::Function) → Pets×2, stock.example.com×2",
		"shop/prod (AWS::ApiGateway::Stage) root → pets×2",
		"shop/prod (client) → shop/prod×2",
		"stock.example.com (remote) inferred faults 2",
	}
	if diff := cmp.Diff(want, drawn(g)); diff != "" {
		t.Errorf("the graph differs (-want +got):\n%s", diff)
	}
	shown := g.nodes[nodeID{"shop/prod", "AWS::ApiGateway::Stage", "000000000000"}].shown()
	if *shown.SummaryStatistics.TotalResponseTime != 1 || *shown.SummaryStatistics.OkCount != 2 || len(shown.ResponseTimeHistogram) != 1 || *shown.ResponseTimeHistogram[0].Count != 2 {
		t.Errorf("the first service is told as %+v", shown)
	}
}

func TestSummary(t *testing.T) {
	s := shopTrace().summary()
	if *s.Duration != 1 || *s.ResponseTime != 0.5 || *s.HasFault || *s.IsPartial || *s.Http.HttpStatus != 200 || *s.EntryPoint.Name != "shop/prod" || len(s.ServiceIds) != 5 {
		t.Errorf("the summary is %+v", s)
	}
	if v := s.Annotations["age"][0]; *v.AnnotationValue.NumberValue != 30 || *v.ServiceIds[0].Name != "shop/prod" {
		t.Errorf("an annotation is told as %+v", v)
	}
	if len(s.FaultRootCauses) != 0 { // what the client saw is no fault
		t.Errorf("there are causes of a fault that there is not: %+v", s.FaultRootCauses)
	}
}

// A fault that reaches the client is followed down to where it began.
func TestFaultRootCause(t *testing.T) {
	segs := []trace.Segment{
		{Name: "a", ID: "1", Start: 1, End: 2, Fault: true, Subsegments: []trace.Segment{{Name: "b", ID: "2", Start: 1, End: 2, Namespace: "remote", Fault: true}}},
		{Name: "b", ID: "3", ParentID: "2", Start: 1, End: 2, Fault: true, Subsegments: []trace.Segment{
			{Name: "c", ID: "4", Start: 1, End: 2, Namespace: "remote"},
			{Name: "d", ID: "5", Start: 1, End: 2, Namespace: "remote", Fault: true, Cause: &trace.Cause{Exceptions: []trace.Exception{{Type: "T", Message: "M"}}}}}},
	}
	s := assemble("1", "", segs, nil).summary()
	if len(s.FaultRootCauses) != 1 {
		t.Fatalf("%d causes, want 1", len(s.FaultRootCauses))
	}
	var way []string
	for _, svc := range s.FaultRootCauses[0].Services {
		way = append(way, *svc.Name)
	}
	last := s.FaultRootCauses[0].Services[len(way)-1]
	if diff := cmp.Diff([]string{"a", "b", "d"}, way); diff != "" || !*last.Inferred || *last.EntityPath[0].Exceptions[0].Message != "M" {
		t.Errorf("the way to the cause is %v, its end %+v", way, last)
	}
}

// Traces come in any order, broken, and in circles.
func TestAssembleOddTraces(t *testing.T) {
	tests := []struct {
		name    string
		segs    []trace.Segment
		nodes   int
		partial bool
	}{
		{"nothing", nil, 0, false},
		{"an orphan subsegment", []trace.Segment{{Name: "a", ID: "1", ParentID: "9", Type: "subsegment", Start: 1, End: 2}}, 0, true},
		{"in progress", []trace.Segment{{Name: "a", ID: "1", Start: 1, InProgress: true}}, 1, true},
		{"its own parent", []trace.Segment{{Name: "a", ID: "1", ParentID: "1", Start: 1, End: 2}}, 1, false},
		{"a circle of subsegments", []trace.Segment{
			{Name: "a", ID: "1", ParentID: "2", Type: "subsegment", Start: 1, End: 2}, {Name: "b", ID: "2", ParentID: "1", Type: "subsegment", Start: 1, End: 2}}, 0, true},
		{"a circle of calls that fail", []trace.Segment{
			{Name: "r", ID: "0", Start: 1, End: 2, Fault: true, Subsegments: []trace.Segment{{ID: "s", Namespace: "remote", Fault: true}}},
			{Name: "a", ID: "1", ParentID: "s", Start: 1, End: 2, Fault: true, Subsegments: []trace.Segment{{ID: "t", Namespace: "remote", Fault: true}}},
			{Name: "r", ID: "2", ParentID: "t", Start: 1, End: 2, Fault: true}}, 2, false},
		{"an id of two", []trace.Segment{
			{Name: "a", ID: "1", Start: 1, End: 2},
			{Name: "b", ID: "2", Start: 1, End: 2, Subsegments: []trace.Segment{{Name: "c", ID: "1", Start: 1, End: 2, Namespace: "remote"}}}}, 3, false},
		{"apart, children first", []trace.Segment{
			{Name: "c", ID: "3", ParentID: "2", Type: "subsegment", Start: 1, End: 2, Namespace: "remote"},
			{Name: "b", ID: "2", ParentID: "1", Type: "subsegment", Start: 1, End: 2}, {Name: "a", ID: "1", Start: 1, End: 2}}, 2, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tr := assemble("1", "", tt.segs, nil)
			if len(tr.nodes) != tt.nodes || tr.partial != tt.partial {
				t.Errorf("%d nodes, partial %v; want %d, %v", len(tr.nodes), tr.partial, tt.nodes, tt.partial)
			}
			tr.summary()
			newGraph().add(tr)
		})
	}
}

// What hangs below nothing does not hang below a subsegment without an id.
func TestRootOfNobody(t *testing.T) {
	tr := assemble("1", "", []trace.Segment{{Name: "a", ID: "1", Start: 1, End: 2, Subsegments: []trace.Segment{{Name: "b", Start: 1, End: 2, Namespace: "remote"}}}}, nil)
	if tr.root == nil || tr.root.seg.Name != "a" {
		t.Errorf("the root is %+v, want a", tr.root)
	}
}
