package xray

import (
	"encoding/json"
	"fmt"
	"hash/fnv"

	api "gatehouse/internal/awsapi/xray"
	"gatehouse/internal/trace"
)

// An inferredSegment is the document of a segment that nobody has sent: of a service
// that was called, as its caller tells of the call.
//
// AWS: "Inferred segments" of xray-api-segmentdocuments; the members as in the
// documents that "Getting data from X-Ray" shows.
type inferredSegment struct {
	ID         string         `json:"id"`
	Name       string         `json:"name"`
	TraceID    string         `json:"trace_id"`
	Start      float64        `json:"start_time"`
	End        float64        `json:"end_time,omitzero"`
	InProgress bool           `json:"in_progress,omitzero"`
	ParentID   string         `json:"parent_id,omitzero"`
	HTTP       *trace.HTTP    `json:"http,omitzero"`
	Error      bool           `json:"error,omitzero"`
	Throttle   bool           `json:"throttle,omitzero"`
	Fault      bool           `json:"fault,omitzero"`
	Inferred   bool           `json:"inferred"`
	AWS        map[string]any `json:"aws,omitzero"`
	Origin     string         `json:"origin"`
}

// inferred are the segments of the services that t knows by those only who called
// them. They are made anew each time, and have the same ids then.
func (t *traced) inferred() ([]api.Segment, error) {
	var list []api.Segment
	for _, e := range t.edges {
		c := e.call
		if !c.inferred {
			continue
		}
		h := fnv.New64a()
		_, _ = fmt.Fprintf(h, "%s %s %s %g", t.id, c.seg.ID, c.seg.Name, c.seg.Start) // never fails
		doc := inferredSegment{
			ID: fmt.Sprintf("%016x", h.Sum64()), Name: c.seg.Name, TraceID: t.id, Start: c.seg.Start, End: c.seg.End, InProgress: c.seg.InProgress, ParentID: c.seg.ID,
			HTTP: c.seg.HTTP, Error: c.seg.Error, Throttle: c.seg.Throttle, Fault: c.seg.Fault, Inferred: true, AWS: c.seg.AWS, Origin: c.on.id.kind,
		}
		text, err := json.Marshal(&doc)
		if err != nil {
			return nil, fmt.Errorf("infer a segment of %s: %w", t.id, err)
		}
		list = append(list, api.Segment{Id: &doc.ID, Document: new(string(text))})
	}
	return list, nil
}
