package compile

import (
	"gatehouse/internal/arn"
	"gatehouse/internal/gateway"
)

// newTracing is what a stage with tracingEnabled does; nil: it has none, or
// nobody is told.
func (p *planner) newTracing() *gateway.Tracing {
	if p.test || p.c.opt.Segments == nil || !isTrue(p.rec.TracingEnabled) {
		return nil
	}
	stage := arn.ARN{Partition: arn.Partition(p.id.Region), Service: "apigateway", Region: p.id.Region, Resource: "/restapis/" + str(p.def.RestAPI.Id) + "/stages/" + str(p.rec.StageName)}
	return &gateway.Tracing{
		Name: str(p.def.RestAPI.Name) + "/" + str(p.rec.StageName), Resource: stage.String(), Sample: p.c.sampling, Sink: p.c.opt.Segments,
	}
}

// traced puts the choice of what is traced before all other steps.
func (p *planner) traced(steps []gateway.Step) []gateway.Step {
	if p.tracing == nil {
		return steps
	}
	return append([]gateway.Step{p.tracing}, steps...)
}
