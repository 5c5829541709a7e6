package app

import (
	"sync"

	"gatehouse/internal/function"
	"gatehouse/internal/record"
	"gatehouse/internal/service/lambda"
	"gatehouse/internal/service/logs"
)

// functionLogs puts what functions write into their log groups.
type functionLogs struct{ groups *logs.Service }

var _ lambda.Logs = functionLogs{}

// mostStreams bounds the streams that are remembered of one function. Those of
// instances that are gone are in the way of nobody.
const mostStreams = 256

// Of returns what takes the lines of a function.
func (f functionLogs) Of(scope record.Scope) func(function.Line) {
	type place struct{ group, stream string }
	var mu sync.Mutex // guards streams
	streams := map[place]*logs.Stream{}
	return func(line function.Line) {
		at := place{line.Group, line.Stream}
		mu.Lock()
		s := streams[at]
		if s == nil {
			if len(streams) >= mostStreams {
				clear(streams)
			}
			s = f.groups.Group(scope, line.Group, true).Stream(line.Stream)
			streams[at] = s
		}
		mu.Unlock()
		s.Write(line.Time.UnixMilli(), line.Text)
	}
}
