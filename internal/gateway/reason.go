package gateway

// Why a caller was refused, for access logs: read off the fault, so that a
// request that is let in pays nothing for it.

// appendAuthorizerError is $context.authorizer.error: what the authorizer said, or
// why it refused.
func appendAuthorizerError(dst []byte, x *Exchange) []byte {
	if x.Vars.AuthorizerError != "" || x.Fault == nil {
		return append(dst, x.Vars.AuthorizerError...)
	}
	switch x.Fault.Type {
	case Unauthorized, AuthorizerFailure, AuthorizerConfigurationError:
		return appendCause(dst, x.Fault)
	}
	return dst
}

// reasonVars are the variables of authentication, by a signature, and of
// authorization, by policies.
//
// AWS: logging-metrics.md §1.2.
var reasonVars = []contextVar{
	{"authenticate.error", func(dst []byte, x *Exchange) []byte {
		if !unauthentic(x.Fault) {
			return dst
		}
		return appendCause(dst, x.Fault)
	}},
	{"authenticate.status", func(dst []byte, x *Exchange) []byte {
		switch {
		case unauthentic(x.Fault):
			return appendStatus(dst, x.Fault.StatusCode())
		case x.Identity.Principal != nil:
			return appendStatus(dst, 200)
		}
		return dst
	}},
	{"authenticate.latency", func(dst []byte, x *Exchange) []byte {
		if x.Vars.AuthenticateLatency == 0 {
			return dst
		}
		return appendMillis(dst, x.Vars.AuthenticateLatency)
	}},
	{"authorize.latency", func(dst []byte, x *Exchange) []byte {
		if x.Vars.AuthorizeLatency == 0 {
			return dst
		}
		return appendMillis(dst, x.Vars.AuthorizeLatency)
	}},
	{"authorize.error", func(dst []byte, x *Exchange) []byte {
		if x.Fault == nil || x.Fault.Type != AccessDenied {
			return dst
		}
		return appendCause(dst, x.Fault)
	}},
	{"authorize.status", func(dst []byte, x *Exchange) []byte {
		switch {
		case x.Fault != nil && x.Fault.Type == AccessDenied:
			return appendStatus(dst, x.Fault.StatusCode())
		case x.Fault == nil && x.Identity.Principal != nil:
			return appendStatus(dst, 200)
		}
		return dst
	}},
}

// unauthentic tells whether a fault is that of a signature.
func unauthentic(f *Fault) bool {
	if f == nil {
		return false
	}
	switch f.Type {
	case InvalidSignature, ExpiredToken, MissingAuthenticationToken:
		return true
	}
	return false
}

// appendCause appends what the operator is told of a fault: its cause, or else
// what the client is told, in one line.
func appendCause(dst []byte, f *Fault) []byte {
	text := f.Text()
	if f.Cause != nil {
		text = f.Cause.Error()
	}
	for i := range len(text) {
		if text[i] == '\n' {
			text = text[:i] // the canonical string of a signature is for the client
			break
		}
	}
	return append(dst, text...)
}
