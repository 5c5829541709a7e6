package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"gatehouse/internal/gateway/compile"
	"gatehouse/internal/store"
)

// Bounds of the admin server. A backup and a profile may take long to write,
// so there is no limit on that.
const (
	adminHeaderTime = 5 * time.Second
	adminIdleTime   = time.Minute
	adminHeaderSize = 16 << 10
)

// An admin answers on the admin address: is the process alive, does it serve
// what is stored, and give me a copy of the store.
type admin struct {
	status   func() compile.Status
	rev      func(context.Context) (store.Rev, error)
	backup   func(context.Context, io.Writer) error
	caches   cacheStats
	clusters func() []ClusterStatus
	metrics  http.Handler
	traffic  *compile.Metrics
	names    func() map[compile.SeriesKey]compile.NamedAPI // of APIs, by stage
	recorded *recordings
	serving  func() bool // false while starting and while draining
	log      *slog.Logger
}

// handler returns the admin server's handler, with the profiles if asked for.
func (a *admin) handler(profiles bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", a.health)
	mux.HandleFunc("GET /readyz", a.ready)
	mux.HandleFunc("GET /backup", a.copyStore)
	mux.HandleFunc("GET /caches", a.showCaches)
	mux.HandleFunc("GET /traffic", a.showTraffic)
	mux.HandleFunc("GET /recordings/{id...}", a.showRecording)
	mux.HandleFunc("POST /recordings/{id...}", a.wantRecording)
	mux.HandleFunc("GET /failures", a.showFailures)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) { a.metrics.ServeHTTP(w, r) })
	mux.HandleFunc("GET /clusters", a.showClusters)
	mux.HandleFunc("GET /clusters/{name}", a.showClusters)
	if profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

// health says that the process runs; it asks nobody else.
func (a *admin) health(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

// A readiness is the answer of /readyz. Stages that are refused do not make a
// node unready: they serve their last good version, and all others are well.
type readiness struct {
	Ready   bool              `json:"ready"`
	Reason  string            `json:"reason,omitempty"` // why not
	Applied store.Rev         `json:"appliedRevision"`  // what requests are served from
	Stored  store.Rev         `json:"storeRevision"`    // what the store holds
	Refused []compile.Refusal `json:"refusedStages"`
}

func (a *admin) ready(w http.ResponseWriter, r *http.Request) {
	status := a.status()
	answer := readiness{Applied: status.Applied, Refused: status.Refused}
	rev, err := a.rev(r.Context())
	answer.Stored = rev
	switch {
	case err != nil:
		answer.Reason = fmt.Sprintf("the store cannot be read: %v", err)
	case !a.serving():
		answer.Reason = "starting or ending"
	default:
		answer.Ready = true
	}
	code := http.StatusOK
	if !answer.Ready {
		code = http.StatusServiceUnavailable
	}
	writeJSON(w, code, answer)
}

// copyStore streams a copy of the store, as of one revision. A copy that is cut
// short is torn, so that it cannot pass for whole.
func (a *admin) copyStore(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="store.db"`)
	if err := a.backup(r.Context(), w); err != nil {
		a.log.Warn("backup not finished", "error", err)
		panic(http.ErrAbortHandler)
	}
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(v) // the client is gone; there is nobody to tell
}
