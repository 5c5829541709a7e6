package xray

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"gatehouse/internal/arn"
	"gatehouse/internal/trace"
)

// A traced is a trace, put together from its segments.
type traced struct {
	id          string
	docs        []document // as they were sent, oldest first
	root        *call      // of the first segment; nil: there is none yet
	start, end  float64    // of all segments, seconds since 1970
	partial     bool       // a segment has not ended, or its parent is missing
	tooLarge    bool       // there is more of it than is read
	nodes       []*node
	edges       []*edge
	annotations map[string][]annotation
	users       []userOf
	resources   []string // ARNs
	instances   []string
	zones       []string
	causes      []string // messages of exceptions
}

// A document is one segment document as it was sent.
type document struct {
	id   string
	text []byte
}

type annotation struct {
	value any // bool, float64 or string
	by    nodeID
}

type userOf struct {
	name string
	by   nodeID
}

// A nodeID tells nodes of the service graph apart. As a pattern, what is empty
// fits all.
type nodeID struct{ name, kind, account string }

func (p *nodeID) fits(id *nodeID) bool {
	return (p.name == "" || p.name == id.name) && (p.kind == "" || p.kind == id.kind) && (p.account == "" || p.account == id.account)
}

// A node is a service, with what it did in a trace.
type node struct {
	id       nodeID
	inferred bool // from those who call it: it sends nothing itself
	root     bool // it was not called by another one
	calls    []*call
}

// A call is a segment, or the subsegment by which a node is inferred.
type call struct {
	seg      *trace.Segment
	of       *traced
	on       *node // that was called
	inferred bool
}

// An edge is the call of one node by another.
type edge struct {
	from, to *node
	call     *call
}

var (
	_ subject = (*traced)(nil)
	_ subject = (*call)(nil)
)

func (n *node) anyCall(f filter) bool {
	return slices.ContainsFunc(n.calls, func(c *call) bool { return f.holds(c) })
}

func (t *traced) trace() *traced { return t }
func (c *call) trace() *traced   { return c.of }

// is answers of the whole what the first segment says.
func (t *traced) is(keyword string) bool {
	if keyword == "partial" {
		return t.partial
	}
	return t.root != nil && t.root.is(keyword)
}

func (c *call) is(keyword string) bool {
	s := c.seg
	switch keyword {
	case "ok":
		return !s.Error && !s.Fault && !s.Throttle
	case "error":
		return s.Error
	case "throttle":
		return s.Throttle
	case "fault":
		return s.Fault
	case "partial":
		return s.InProgress
	case "inferred":
		return c.inferred
	}
	return false
}

func (t *traced) number(keyword string) (float64, bool) {
	if keyword == "duration" {
		return t.duration(), true
	}
	if t.root == nil {
		return 0, false
	}
	return t.root.number(keyword)
}

func (t *traced) duration() float64 { return max(0, t.end-t.start) }

func (c *call) number(keyword string) (float64, bool) {
	if keyword != "http.status" {
		return c.seconds(), true
	}
	if c.seg.HTTP == nil || c.seg.HTTP.Response == nil || c.seg.HTTP.Response.Status == 0 {
		return 0, false
	}
	return float64(c.seg.HTTP.Response.Status), true
}

// seconds is how long a call took, to the microsecond; 0 while it has not ended.
func (c *call) seconds() float64 {
	return math.Round(max(0, c.seg.End-c.seg.Start)*1e6) / 1e6
}

func (t *traced) texts(keyword string) []string {
	switch keyword {
	case "user":
		list := make([]string, len(t.users))
		for i := range t.users {
			list[i] = t.users[i].name
		}
		return list
	case "resource.arn":
		return t.resources
	case "instance.id":
		return t.instances
	case "availabilityzone":
		return t.zones
	case "message":
		return t.causes
	}
	if t.root == nil {
		return nil
	}
	return t.root.texts(keyword)
}

func (c *call) texts(keyword string) []string {
	s := c.seg
	var text string
	switch keyword {
	case "user":
		text = s.User
	case "name":
		text = s.Name
	case "type":
		text = s.Origin
	case "resource.arn":
		text = s.Resource
	case "instance.id":
		text = ofEC2(s, "instance_id")
	case "availabilityzone":
		text = ofEC2(s, "availability_zone")
	case "message":
		return messages(s)
	}
	if s.HTTP != nil && s.HTTP.Request != nil {
		switch r := s.HTTP.Request; keyword {
		case "http.url":
			text = r.URL
		case "http.method":
			text = r.Method
		case "http.useragent":
			text = r.UserAgent
		case "http.clientip":
			text = r.ClientIP
		}
	}
	if text == "" {
		return nil
	}
	return []string{text}
}

func messages(s *trace.Segment) []string {
	if s.Cause == nil {
		return nil
	}
	list := make([]string, len(s.Cause.Exceptions))
	for i := range s.Cause.Exceptions {
		list[i] = s.Cause.Exceptions[i].Message
	}
	return list
}

func ofEC2(s *trace.Segment, name string) string {
	ec2, _ := s.AWS["ec2"].(map[string]any)
	text, _ := ec2[name].(string)
	return text
}

// assembly puts a trace together.
type assembly struct {
	t       *traced
	account string // that the trace belongs to
	owner   map[string]*node
	nodes   map[nodeID]*node
	calls   map[*trace.Segment]*call
	called  map[string]bool // ids of subsegments that segments of others hang below
}

// assemble makes a trace of its segments. Of several with one id the last counts:
// it replaces one that was in progress.
func assemble(id, account string, segs []trace.Segment, docs []document) *traced {
	t := &traced{id: id, docs: docs, annotations: map[string][]annotation{}}
	a := &assembly{t: t, account: account, owner: map[string]*node{}, nodes: map[nodeID]*node{}, calls: map[*trace.Segment]*call{}, called: map[string]bool{}}
	slices.SortStableFunc(segs, func(x, y trace.Segment) int { return cmp.Compare(x.Start, y.Start) })
	for i := range segs {
		a.called[segs[i].ParentID] = true
	}
	for i := range segs {
		if s := &segs[i]; s.Type != trace.TypeSubsegment {
			a.segment(s)
		}
	}
	for changed := true; changed; { // subsegments that were sent apart hang below segments, or one another
		changed = false
		for i := range segs {
			s := &segs[i]
			if owner := a.owner[s.ParentID]; s.Type == trace.TypeSubsegment && owner != nil && a.owner[s.ID] == nil {
				a.own(owner, s)
				changed = true
			}
		}
	}
	for i := range segs {
		a.connect(&segs[i])
	}
	return t
}

// segment takes in a segment as a call of its service.
func (a *assembly) segment(s *trace.Segment) {
	n := a.node(nodeID{s.Name, s.Origin, a.accountOf(s)}, false)
	c := &call{seg: s, of: a.t, on: n}
	n.calls = append(n.calls, c)
	a.calls[s] = c
	a.own(n, s)
}

// own notes whose a segment and its subsegments are, and what they tell.
func (a *assembly) own(n *node, s *trace.Segment) {
	if s.ID != "" { // nothing hangs below what has none
		a.owner[s.ID] = n
	}
	a.tell(n, s)
	for i := range s.Subsegments {
		a.own(n, &s.Subsegments[i])
	}
}

func (a *assembly) tell(n *node, s *trace.Segment) {
	t := a.t
	if t.start == 0 || s.Start < t.start {
		t.start = s.Start
	}
	t.end = max(t.end, s.End)
	t.partial = t.partial || s.InProgress
	for key, value := range s.Annotations {
		switch value.(type) {
		case bool, float64, string:
			t.annotations[key] = append(t.annotations[key], annotation{value, n.id})
		}
	}
	if s.User != "" {
		t.users = append(t.users, userOf{s.User, n.id})
	}
	t.causes = append(t.causes, messages(s)...)
	t.resources = appendNew(t.resources, s.Resource)
	t.instances = appendNew(t.instances, ofEC2(s, "instance_id"))
	t.zones = appendNew(t.zones, ofEC2(s, "availability_zone"))
}

func appendNew(list []string, text string) []string {
	if text == "" || slices.Contains(list, text) {
		return list
	}
	return append(list, text)
}

func (a *assembly) node(id nodeID, inferred bool) *node {
	n := a.nodes[id]
	if n == nil {
		n = &node{id: id, inferred: inferred}
		a.nodes[id] = n
		a.t.nodes = append(a.t.nodes, n)
	}
	return n
}

// accountOf is the account of a segment's service.
func (a *assembly) accountOf(s *trace.Segment) string {
	if res, err := arn.Parse(s.Resource); err == nil && res.Account != "" {
		return res.Account
	}
	return a.account
}

// connect draws the edges that end in a segment, or begin in its subsegments.
func (a *assembly) connect(s *trace.Segment) {
	t, n := a.t, a.owner[s.ID]
	switch c := a.calls[s]; {
	case c != nil:
		n = c.on // whoever else says that the id is his
		if from := a.owner[s.ParentID]; from != nil {
			t.edges = append(t.edges, &edge{from, n, c})
			break
		}
		n.root = true
		if t.root == nil {
			t.root = c
		}
	case n == nil: // what it hangs below is missing
		t.partial = true
		return
	default:
		a.infer(n, s)
	}
	eachSubsegment(s, func(sub *trace.Segment) { a.infer(n, sub) })
}

// infer draws the node that a subsegment calls, if that has told nothing itself.
//
// AWS: "Subsegments" of the concepts: downstream services that send no segments
// are inferred from those with a namespace.
func (a *assembly) infer(from *node, sub *trace.Segment) {
	if sub.Namespace == "" || a.called[sub.ID] {
		return
	}
	n := a.node(inferredID(sub, a.account), true)
	c := &call{seg: sub, of: a.t, on: n, inferred: true}
	n.calls = append(n.calls, c)
	a.t.edges = append(a.t.edges, &edge{from, n, c})
}

// inferredID names the service that a subsegment calls.
//
// AWS: the names of the service map: tables, queues and buckets are nodes of their
// own.
func inferredID(sub *trace.Segment, account string) nodeID {
	if sub.Namespace != "aws" {
		return nodeID{name: sub.Name, kind: sub.Namespace}
	}
	text := func(key string) string { t, _ := sub.AWS[key].(string); return t }
	switch name := sub.Name; {
	case name == "DynamoDB" && text("table_name") != "":
		return nodeID{text("table_name"), "AWS::DynamoDB::Table", account}
	case name == "SQS" && text("queue_url") != "":
		return nodeID{text("queue_url"), "AWS::SQS::Queue", account}
	case name == "S3" && text("bucket_name") != "":
		return nodeID{text("bucket_name"), "AWS::S3::Bucket", account}
	case text("function_name") != "":
		return nodeID{text("function_name"), "AWS::Lambda", account}
	default:
		return nodeID{name, "AWS::" + strings.ReplaceAll(name, " ", ""), account}
	}
}

func eachSubsegment(s *trace.Segment, visit func(*trace.Segment)) {
	for i := range s.Subsegments {
		visit(&s.Subsegments[i])
		eachSubsegment(&s.Subsegments[i], visit)
	}
}
