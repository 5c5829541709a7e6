package compile

import (
	"gatehouse/internal/arn"
	"gatehouse/internal/gateway"
	"gatehouse/internal/record"
	"gatehouse/internal/trace"
)

// newTracing is what a stage does for tracing; nil: nobody is told.
func (p *planner) newTracing() *gateway.Tracing {
	if p.test || p.c.opt.Segments == nil {
		return nil
	}
	stage := arn.ARN{Partition: arn.Partition(p.id.Region), Service: "apigateway", Region: p.id.Region, Resource: "/restapis/" + str(p.def.RestAPI.Id) + "/stages/" + str(p.rec.StageName)}
	t := &gateway.Tracing{
		Name: str(p.def.RestAPI.Name) + "/" + str(p.rec.StageName), Origin: "AWS::ApiGateway::Stage", Resource: stage.String(), Sink: p.c.opt.Segments,
	}
	if isTrue(p.rec.TracingEnabled) {
		t.Choose = p.c.sampler(p.id.Scope).Chooser(t.Name, t.Origin, t.Resource)
	}
	return t
}

// sampler holds the sampling rules of a Region.
func (c *Compiler) sampler(scope record.Scope) *trace.Sampler {
	if c.opt.Samplers == nil {
		return c.sampling
	}
	return c.opt.Samplers(scope)
}

// traced puts the choice of what is traced before all other steps.
func (p *planner) traced(steps []gateway.Step) []gateway.Step {
	if p.tracing == nil {
		return steps
	}
	return append([]gateway.Step{p.tracing}, steps...)
}
