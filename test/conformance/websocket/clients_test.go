package websocket_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/test/gatehousetest"
)

const root = "../../.."

// A chat is a server with a WebSocket API: "id" answers with the connection's id,
// "echo" with the message, $connect chooses the protocol chat, or refuses.
type chat struct {
	s        *gatehousetest.Server
	url      string
	endpoint string // of @connections
}

func startChat(t *testing.T, args ...string) *chat {
	t.Helper()
	bin, err := gatehousetest.Build(root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s, err := gatehousetest.Start(t.Context(), bin, filepath.Join(t.TempDir(), "data"), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("refuse") != "" {
			w.WriteHeader(http.StatusForbidden)
		}
		w.Header().Set("Sec-WebSocket-Protocol", "chat")
		body := make([]byte, r.ContentLength)
		n, _ := r.Body.Read(body) // one read is enough for what comes here, or the echo is wrong
		for n < len(body) {
			m, err := r.Body.Read(body[n:])
			if n += m; err != nil {
				break
			}
		}
		_, _ = w.Write(body[:n]) // as above
	}))
	t.Cleanup(backend.Close)
	c, err := s.Client()
	if err != nil {
		t.Fatal(err)
	}
	api, err := c.NewSocketAPI()
	proxy := map[string]any{"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": backend.URL + "/"}
	if err == nil {
		err = api.Route("echo", proxy, nil, true)
	}
	if err == nil {
		mock := map[string]any{"integrationType": "MOCK", "requestTemplates": map[string]string{"$default": `{"statusCode":200}`}, "templateSelectionExpression": `\$default`}
		err = api.Route("id", mock, map[string]map[string]any{"$default": {"responseTemplates": map[string]string{"$default": "$context.connectionId"}}}, true)
	}
	if err == nil {
		door := map[string]any{"integrationType": "HTTP_PROXY", "integrationMethod": "POST", "integrationUri": backend.URL + "/",
			"requestParameters": map[string]string{"integration.request.querystring.refuse": "route.request.querystring.refuse"}}
		err = api.Route("$connect", door, nil, false)
	}
	path := ""
	if err == nil {
		path, err = api.Deploy()
	}
	if err != nil {
		t.Fatal(err)
	}
	return &chat{s, "ws://" + s.Listen + path, "http://" + s.Listen + path}
}

// TestClients has clients that others have written connect, talk and end, and
// backends reach them with the SDKs.
func TestClients(t *testing.T) {
	startChat(t).run(t, []program{
		{"websockets and boto3", imports("websockets, boto3"), "websockets_client.py"},
		{"autobahn", imports("autobahn.asyncio.websocket"), "autobahn_client.py"},
		{"ws and the SDK of JavaScript", exists(npm + "/node_modules/ws"), "ws_client.mjs"},
	})
}

// TestRefusals has the SDKs tell what @connections refuses: 400, 403, 410, 413, and 429
// once the account has nothing left.
func TestRefusals(t *testing.T) {
	programs := []program{
		{"boto3", imports("websockets, boto3"), "limits_client.py"},
		{"the SDK of JavaScript", exists(npm + "/node_modules/ws"), "limits_client.mjs"},
	}
	for _, p := range programs {
		startChat(t, "--account-rate", "2", "--account-burst", "40").run(t, []program{p})
	}
}

// A program is a client that is run with the URL of an API.
type program struct {
	name  string
	there func() bool
	file  string // in clients
}

const npm = root + "/build/npm"

func (c *chat) run(t *testing.T, programs []program) {
	here, err := filepath.Abs("clients")
	if err != nil {
		t.Fatal(err)
	}
	modules, err := filepath.Abs(npm)
	if err != nil {
		t.Fatal(err)
	}
	access, secret, err := c.s.Credential()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range programs {
		t.Run(tt.name, func(t *testing.T) {
			if !tt.there() {
				t.Skip("not installed: make deps")
			}
			command := []string{"/usr/bin/python3", filepath.Join(here, tt.file)}
			if strings.HasSuffix(tt.file, ".mjs") { // modules are found beside it
				text, err := os.ReadFile(command[1])
				if err != nil {
					t.Fatal(err)
				}
				command = []string{"node", filepath.Join(modules, tt.file)}
				if err := os.WriteFile(command[1], text, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, command[0], append(command[1:], c.url, c.endpoint, "us-east-1")...)
			cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+access, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_EC2_METADATA_DISABLED=true")
			var said bytes.Buffer
			cmd.Stderr = &said
			out, err := cmd.Output()
			if err != nil || strings.TrimSpace(string(out)) != "ok" {
				t.Errorf("%v\n%s%s", err, out, said.String())
			}
		})
	}
}

func imports(modules string) func() bool {
	return func() bool { return exec.Command("/usr/bin/python3", "-c", "import "+modules).Run() == nil }
}

func exists(name string) func() bool {
	return func() bool { _, err := os.Stat(name); return err == nil }
}
