package compile

import (
	"gatehouse/internal/arn"
	"gatehouse/internal/gateway"
	"gatehouse/internal/record"
	"gatehouse/internal/trace"
)

// newTracing is what a stage of a REST API does for tracing; nil: nobody is told.
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

// newTracing is what a stage of an HTTP or WebSocket API does for tracing; nil:
// nobody is told. All of it is beyond AWS, in the form of a REST API's stage with
// tracingEnabled.
func (p *httpPlanner) newTracing() *gateway.Tracing {
	if p.c.opt.SegmentsV2 == nil {
		return nil
	}
	stage := arn.ARN{Partition: arn.Partition(p.id.Region), Service: "apigateway", Region: p.id.Region, Resource: "/apis/" + p.id.api + "/stages/" + p.id.name}
	t := &gateway.Tracing{Name: str(p.def.API.Name) + "/" + p.id.name, Origin: "AWS::ApiGatewayV2::Stage", Resource: stage.String(), Sink: p.c.opt.SegmentsV2}
	t.Choose = p.c.sampler(p.id.Scope).Chooser(t.Name, t.Origin, t.Resource)
	return t
}

// traced puts the choice of what is traced, if there is one, before all other
// steps.
func traced(by *gateway.Tracing, steps []gateway.Step) []gateway.Step {
	if by == nil {
		return steps
	}
	return append([]gateway.Step{by}, steps...)
}
