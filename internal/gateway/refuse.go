package gateway

// Refuse answers x with f and without a plan: its request could not be read,
// or its plan has panicked. If the stage is known, what is logged and counted
// of x is what the stage wants of a request without a route.
func (g *Gateway) Refuse(x *Exchange, f *Fault) {
	if x.plan == nil {
		t := g.Table()
		x.Table = t
		x.begin()
		w := t.resolve(&x.MethodRequest)
		x.Vars.setPlace(x.MethodRequest.Host, &w)
		if w.http {
			x.nameHTTP()
		}
		if w.stage != nil {
			x.Stage = w.stage
			x.plan = w.stage.Fallback
		}
	}
	x.Fault = f
	x.AnswerFault(f)
}
