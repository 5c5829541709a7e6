package websocket_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// page is what a browser runs. What it has seen it tells its own site.
const page = `<!doctype html><script type="module">
const seen = [];
const ws = new WebSocket(%q, ["chat"]);
const ended = new Promise((end) => ws.onclose = (e) => end("closed " + e.code + " " + e.wasClean));
ws.onopen = () => { seen.push("open " + ws.protocol + ws.extensions); ws.send('{"to":"echo","text":"ü"}'); };
ws.onmessage = (e) => { seen.push(e.data); ws.close(3001, "bye"); };
seen.push(await ended);
const call = (method) => fetch(%q, { method, headers: { "x-mine": "1" } }).then((r) => r.status + " " + r.headers.get("x-shown") + " " + r.headers.get("x-hidden"), () => "refused");
seen.push("PUT " + await call("PUT"), "DELETE " + await call("DELETE"));
fetch("/seen", { method: "POST", body: seen.join(" | ") });
</script>`

// browserTime bounds what Chromium takes on a busy machine.
const browserTime = 5 * time.Minute

// TestBrowser has Chromium talk to a WebSocket API, and call an HTTP API across
// origins: what its CORS configuration allows, and what not.
func TestBrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("chromium is not installed")
	}
	c := startChat(t)
	seen := make(chan string, 1)
	mux := http.NewServeMux()
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)
	api := c.httpAPI(t, site.URL)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, page, c.url, api)
	})
	mux.HandleFunc("POST /seen", func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body) // half of it will not do
		seen <- string(b)
	})
	ctx, end := context.WithTimeout(t.Context(), browserTime)
	defer end()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--remote-debugging-port=0", "--user-data-dir="+t.TempDir(), site.URL)
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-seen:
		want := `open chat | {"to":"echo","text":"ü"} | closed 3001 true | PUT 200 yes null | DELETE refused`
		if got != want {
			t.Errorf("the browser saw %s, want %s", got, want)
		}
	case <-ctx.Done():
	}
	late := ctx.Err()
	end()
	_ = cmd.Wait() // it was killed
	if late != nil {
		t.Errorf("the browser told nothing in %v\n%s", browserTime, said.String())
	}
}

// httpAPI makes an HTTP API that pages of one origin may PUT to, and returns its
// URL.
func (c *chat) httpAPI(t *testing.T, origin string) string {
	t.Helper()
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Shown", "yes")
		w.Header().Set("X-Hidden", "yes")
	}))
	t.Cleanup(backend.Close)
	aws, err := c.s.Client()
	if err != nil {
		t.Fatal(err)
	}
	var api struct{ ApiId string }
	err = aws.Call(t.Context(), http.MethodPost, "/v2/apis", map[string]any{"name": "cors", "protocolType": "HTTP", "target": backend.URL, "corsConfiguration": map[string]any{
		"allowOrigins": []string{origin}, "allowMethods": []string{"PUT"}, "allowHeaders": []string{"x-mine"}, "exposeHeaders": []string{"x-shown"}}}, &api)
	if err != nil {
		t.Fatal(err)
	}
	return "http://" + c.s.Listen + "/_aws/execute-api/" + api.ApiId + "/"
}
