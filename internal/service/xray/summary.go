package xray

import (
	"time"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/trace"
)

// summary is what GetTraceSummaries tells of t.
func (t *traced) summary() api.TraceSummary {
	out := api.TraceSummary{
		Id: new(t.id), StartTime: new(seconds(t.start)), MatchedEventTime: new(seconds(t.start)), Duration: new(round(t.duration())), IsPartial: new(t.partial || t.tooLarge),
		HasError: new(t.is("error")), HasFault: new(t.is("fault")), HasThrottle: new(t.is("throttle")),
		Annotations: map[string][]api.ValueWithServiceIds{}, Users: []api.TraceUser{}, ServiceIds: []api.ServiceId{}, Revision: new(int32(len(t.docs))),
		ResourceARNs: []api.ResourceARNDetail{}, InstanceIds: []api.InstanceIdDetail{}, AvailabilityZones: []api.AvailabilityZoneDetail{},
		FaultRootCauses: []api.FaultRootCause{}, ErrorRootCauses: []api.ErrorRootCause{}, ResponseTimeRootCauses: []api.ResponseTimeRootCause{},
		Http: &api.Http{},
	}
	if t.root != nil {
		out.ResponseTime = new(round(t.root.seconds()))
		out.Http = t.root.http()
		out.EntryPoint = new(t.root.on.id.shown())
	}
	for _, n := range t.nodes {
		out.ServiceIds = append(out.ServiceIds, n.id.shown())
	}
	for key, list := range t.annotations {
		out.Annotations[key] = shownAnnotations(list)
	}
	for _, u := range t.users {
		out.Users = append(out.Users, api.TraceUser{UserName: new(u.name), ServiceIds: []api.ServiceId{u.by.shown()}})
	}
	for _, name := range t.resources {
		out.ResourceARNs = append(out.ResourceARNs, api.ResourceARNDetail{ARN: new(name)})
	}
	for _, id := range t.instances {
		out.InstanceIds = append(out.InstanceIds, api.InstanceIdDetail{Id: new(id)})
	}
	for _, zone := range t.zones {
		out.AvailabilityZones = append(out.AvailabilityZones, api.AvailabilityZoneDetail{Name: new(zone)})
	}
	t.addRootCauses(&out)
	return out
}

func (id *nodeID) shown() api.ServiceId {
	return api.ServiceId{Name: new(id.name), Names: []string{id.name}, Type: optional(id.kind), AccountId: optional(id.account)}
}

func (c *call) http() *api.Http {
	out := new(api.Http)
	h := c.seg.HTTP
	if h == nil {
		return out
	}
	if r := h.Request; r != nil {
		out.HttpURL, out.HttpMethod, out.UserAgent, out.ClientIp = optional(r.URL), optional(r.Method), optional(r.UserAgent), optional(r.ClientIP)
	}
	if h.Response != nil && h.Response.Status != 0 {
		out.HttpStatus = new(int32(h.Response.Status))
	}
	return out
}

func shownAnnotations(list []annotation) []api.ValueWithServiceIds {
	var out []api.ValueWithServiceIds
	for _, a := range list {
		v := new(api.AnnotationValue)
		switch value := a.value.(type) {
		case bool:
			v.BooleanValue = new(value)
		case float64:
			v.NumberValue = new(value)
		case string:
			v.StringValue = new(value)
		}
		out = append(out, api.ValueWithServiceIds{AnnotationValue: v, ServiceIds: []api.ServiceId{a.by.shown()}})
	}
	return out
}

// addRootCauses tells where the faults and errors of t began: the way of calls
// down to the last that failed.
//
// AWS: FaultRootCause and ErrorRootCause.
func (t *traced) addRootCauses(out *api.TraceSummary) {
	if t.root == nil {
		return
	}
	if way := t.wayDown(func(s *trace.Segment) bool { return s.Fault }); len(way) > 0 {
		cause := api.FaultRootCause{ClientImpacting: new(t.is("fault"))}
		for _, c := range way {
			id := &c.on.id
			cause.Services = append(cause.Services, api.FaultRootCauseService{
				Name: new(id.name), Names: []string{id.name}, Type: optional(id.kind), AccountId: optional(id.account), Inferred: new(c.inferred),
				EntityPath: []api.FaultRootCauseEntity{{Name: new(c.seg.Name), Remote: new(c.inferred), Exceptions: c.exceptions()}},
			})
		}
		out.FaultRootCauses = append(out.FaultRootCauses, cause)
	}
	if way := t.wayDown(func(s *trace.Segment) bool { return s.Error }); len(way) > 0 {
		cause := api.ErrorRootCause{ClientImpacting: new(t.is("error"))}
		for _, c := range way {
			id := &c.on.id
			cause.Services = append(cause.Services, api.ErrorRootCauseService{
				Name: new(id.name), Names: []string{id.name}, Type: optional(id.kind), AccountId: optional(id.account), Inferred: new(c.inferred),
				EntityPath: []api.ErrorRootCauseEntity{{Name: new(c.seg.Name), Remote: new(c.inferred), Exceptions: c.exceptions()}},
			})
		}
		out.ErrorRootCauses = append(out.ErrorRootCauses, cause)
	}
}

func (c *call) exceptions() []api.RootCauseException {
	list := []api.RootCauseException{}
	if c.seg.Cause == nil {
		return list
	}
	for _, e := range c.seg.Cause.Exceptions {
		list = append(list, api.RootCauseException{Name: optional(e.Type), Message: optional(e.Message)})
	}
	return list
}

// wayDown follows the calls that are bad from the first segment on.
func (t *traced) wayDown(bad func(*trace.Segment) bool) []*call {
	if !bad(t.root.seg) {
		return nil
	}
	way := []*call{t.root}
	for len(way) <= len(t.nodes) { // services may call one another in a circle
		from := way[len(way)-1].on
		var next *call
		for _, e := range t.edges {
			if e.from == from && bad(e.call.seg) {
				next = e.call
				break
			}
		}
		if next == nil {
			break
		}
		way = append(way, next)
	}
	return way
}

func seconds(t float64) time.Time { return time.UnixMicro(int64(t * 1e6)) }
