package robust_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/test/gatehousetest"
)

// TestUpgradeSockets puts another process into a server's place while clients
// of a WebSocket API talk, say nothing, and wait for an answer. They keep their
// connections and ids, get every answer, and leave once. GATEHOUSE_SOCKETS sets how
// many they are.
func TestUpgradeSockets(t *testing.T) {
	clients := max(250, repeats("GATEHOUSE_SOCKETS", 300))
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), "--drain", "1m", "--dev")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	b := newSocketBackend(t)
	path, err := b.api(s)
	if err != nil {
		t.Fatal(err)
	}
	list := make([]*talker, clients)
	for i := range list {
		list[i] = newTalker(t, s, path)
	}
	idle, talking, waiting := list[:clients-200], list[clients-200:clients-20], list[clients-20:]
	for _, c := range waiting {
		c.send(`{"to":"slow"}`)
	}
	wait(t, 2*time.Minute, func() error {
		if n := b.waits(); n < len(waiting) {
			return fmt.Errorf("%d messages wait for the backend", n)
		}
		return nil
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var wg sync.WaitGroup
	for _, c := range talking {
		wg.Go(func() {
			for ctx.Err() == nil {
				c.echo()
			}
		})
	}
	before, begun := s.PID(), time.Now()
	if err := s.Upgrade(t.Context()); err != nil {
		t.Fatal(err)
	}
	took := time.Since(begun)
	// The other process has those, too, whose answers are still to come.
	for _, c := range waiting {
		post(t, s, path+"/@connections/"+c.id, "meanwhile", http.StatusOK)
		c.want("meanwhile")
	}
	close(b.letGo)
	for _, c := range waiting {
		c.want(`"late answer"`)
	}
	wait(t, 2*time.Minute, func() error {
		if processLives(before) {
			return errors.New("the process before has not ended")
		}
		return nil
	})
	cancel()
	wg.Wait()
	if got := post(t, s, path+"/@connections/topics/all", "to all", http.StatusOK); got != fmt.Sprintf(`{"delivered":%d,"lost":0}`, clients) {
		t.Errorf("the topic answered %s", got)
	}
	echoes := 0
	for _, c := range list {
		c.want("to all")
		c.echo()
		echoes += c.echoes
	}
	for _, c := range idle[:50] { // half of them are closed by the server
		post(t, s, path+"/@connections/"+c.id, "", http.StatusNoContent)
	}
	for _, c := range list {
		c.s.Close()
	}
	wait(t, 2*time.Minute, func() error { return b.left(list) })
	t.Logf("%d connections have passed over in %v, %d messages were answered meanwhile", clients, took, echoes)
	if t.Failed() {
		t.Log(s.Log())
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// post posts to @connections, or deletes where there is no text, and returns the answer.
func post(t *testing.T, s *gatehousetest.Server, path, text string, want int) string {
	t.Helper()
	method := http.MethodPost
	if text == "" {
		method = http.MethodDelete
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.DataPlane()+path, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := new(http.Client).Do(req)
	if err != nil {
		t.Errorf("post: %v", err)
		return ""
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body) // compared below
	if resp.StatusCode != want {
		t.Errorf("post to %s: %d %s", path, resp.StatusCode, body)
	}
	return strings.TrimSpace(string(body))
}

// A talker is a client of a WebSocket API.
type talker struct {
	t      *testing.T
	s      *gatehousetest.Socket
	r      *bufio.Reader
	id     string
	echoes int
}

var connectionID = regexp.MustCompile(`^you are (.*)$`)

func newTalker(t *testing.T, s *gatehousetest.Server, path string) *talker {
	t.Helper()
	socket, err := gatehousetest.DialSocket(s.Listen, path, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	if err := socket.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	c := &talker{t: t, s: socket, r: bufio.NewReader(socket)}
	c.send(`{"to":"echo"}`)
	m := connectionID.FindStringSubmatch(c.receive())
	if m == nil {
		t.Fatal("no id")
	}
	c.id = m[1]
	return c
}

func (c *talker) send(text string) {
	if err := c.s.Send(text); err != nil {
		c.t.Errorf("%s: send: %v", c.id, err)
	}
}

func (c *talker) receive() string {
	first, text, err := gatehousetest.Receive(c.r)
	if err != nil || first != 0x81 {
		c.t.Errorf("%s: got %x %q, %v", c.id, first, text, err)
	}
	return text
}

func (c *talker) want(text string) {
	c.t.Helper()
	if got := c.receive(); got != text {
		c.t.Errorf("%s: got %q, want %q", c.id, got, text)
	}
}

// echo asks who it is, and is told.
func (c *talker) echo() {
	c.send(`{"to":"echo"}`)
	c.want("you are " + c.id)
	c.echoes++
}

// A socketBackend is the backend of a WebSocket API: it notes who leaves, and answers
// messages to "slow" when it is let go.
type socketBackend struct {
	url   string
	letGo chan struct{}

	mu      sync.Mutex // guards the fields below
	waiting int
	gone    map[string]int
}

func newSocketBackend(t *testing.T) *socketBackend {
	b := &socketBackend{letGo: make(chan struct{}), gone: make(map[string]int)}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := r.Header.Get("Gone"); id != "" {
			b.mu.Lock()
			b.gone[id]++
			b.mu.Unlock()
			return
		}
		b.mu.Lock()
		b.waiting++
		b.mu.Unlock()
		select {
		case <-b.letGo:
		case <-t.Context().Done():
		}
		_, _ = io.WriteString(w, `"late answer"`) // it will be missing
	}))
	t.Cleanup(s.Close)
	b.url = s.URL + "/"
	return b
}

func (b *socketBackend) waits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.waiting
}

// left reports unless each of them has left, once.
func (b *socketBackend) left(list []*talker) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range list {
		if n := b.gone[c.id]; n != 1 {
			return fmt.Errorf("%s has left %d times", c.id, n)
		}
	}
	return nil
}

// api makes the API: everybody is in the topic "all".
func (b *socketBackend) api(s *gatehousetest.Server) (path string, err error) {
	c, err := s.Client()
	if err != nil {
		return "", err
	}
	api, err := c.NewSocketAPI()
	mock := map[string]any{"integrationType": "MOCK", "requestTemplates": map[string]string{"$default": `{"statusCode":200}`}, "templateSelectionExpression": `\$default`}
	if err == nil {
		err = api.Route("$connect", mock, map[string]map[string]any{"$default": {"responseParameters": map[string]string{"method.response.header.Gatehouse-Topics": "'all'"}}}, false)
	}
	if err == nil {
		err = api.Route("echo", mock, map[string]map[string]any{"$default": {"responseTemplates": map[string]string{"$default": `you are $context.connectionId`}}}, true)
	}
	proxy := map[string]any{"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": b.url}
	if err == nil {
		err = api.Route("slow", proxy, nil, true)
	}
	if err == nil {
		err = api.Route("$disconnect", map[string]any{"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": b.url,
			"requestParameters": map[string]string{"integration.request.header.Gone": "context.connectionId"}}, nil, false)
	}
	if err != nil {
		return "", err
	}
	return api.Deploy()
}
