package corpus

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Which headers pass, which are dropped and which get another name.
var remapReplays = []replay{
	{file: "integrations", name: "test_apigateway_header_remapping_http[HTTP]", run: replayRemapping("HTTP")},
	{file: "integrations", name: "test_apigateway_header_remapping_http[HTTP_PROXY]", run: replayRemapping("HTTP_PROXY")},
	{file: "integrations", name: "test_apigateway_header_remapping_aws[AWS]", run: replayRemapping("AWS")},
	{file: "integrations", name: "test_apigateway_header_remapping_aws[AWS_PROXY]", run: replayRemapping("AWS_PROXY")},
}

// replayRemapping sends every header that was sent, and maps every header that
// was mapped. The recordings tell both: HTTP's template printed what the client
// had sent and was visible, and the backend told what it got.
func replayRemapping(kind string) func(c *client, match func(string, doc)) {
	return func(c *client, match func(string, doc)) {
		full := c.recs["integrations/test_apigateway_header_remapping_http[HTTP]"].Content["full-integration"].(doc)
		var lines, names []string
		sent := full["body"].(doc)
		for _, name := range slices.Sorted(maps.Keys(sent)) {
			names = append(names, name)
			if value := sent[name].(string); value != "" && name != "Host" && name != "User-Agent" {
				lines = append(lines, name+": "+value)
			}
		}
		// Invisible to the template, but sent.
		lines = append(lines, "Content-MD5: d", "Max-Forwards: 3", "Server: s", "Proxy-Authenticate: Basic", "TE: trailers", "WWW-Authenticate: Basic")
		keys := []string{"no-param-integration", "full-integration", "content-length", "transfer-encoding",
			"authorization", "connection", "expect", "proxy-authenticate", "te"} // the last for AWS only
		keys = slices.DeleteFunc(keys, func(key string) bool { return !c.recorded(key) })
		id, root := c.newAPI()
		c.matchText(match, "apigw-id", id)
		mapped := with(full["headers"].(doc), "Host", id+".execute-api.localhost")
		for _, key := range keys {
			r := remapRoute(kind, key, names, mapped, c.rec)
			r.part = key
			switch kind {
			case "AWS":
				maps.Copy(r.integration, doc{"uri": c.proxyTo("echo", id)["uri"]})
			case "AWS_PROXY":
				maps.Copy(r.integration, doc{"uri": c.proxyTo("event", id)["uri"]})
			default:
				r.integration["uri"] = c.backend(showHeaders)
			}
			c.put(id, root, r)
		}
		c.deploy(id, "dev")
		for _, key := range keys {
			a := c.invoke("GET", id+"/dev/"+key, "", append([]string{"User-Agent: " + sent["User-Agent"].(string), "Connection: close"}, lines...)...)
			match(key, c.remapped(key, a))
		}
	}
}

func remapRoute(kind, key string, names []string, mapped doc, rec recording) route {
	in := doc{"type": kind, "integrationHttpMethod": "POST"}
	r := route{integration: in}
	if !strings.HasSuffix(kind, "_PROXY") {
		r.responses, r.status = map[string]doc{"200": {}}, map[string]doc{}
	}
	switch key {
	case "content-length", "transfer-encoding", "authorization", "connection", "expect", "proxy-authenticate", "te":
		in["requestParameters"] = doc{"integration.request.header." + key: "'5'"}
	case "full-integration":
		params := doc{}
		for _, name := range names {
			refused := []string{"Content-Length", "Transfer-Encoding", "Connection"} // see the cases of their own
			if strings.HasPrefix(kind, "AWS") {
				refused = append(refused, "Authorization", "Expect", "Proxy-Authenticate", "TE")
			}
			if slices.Contains(refused, name) {
				continue
			}
			value := "dropped" // it was mapped, and did not arrive
			for n, v := range mapped {
				if strings.EqualFold(n, name) {
					value = strings.Trim(v.(string), "<>")
				}
			}
			params["integration.request.header."+name] = "'" + value + "'"
		}
		in["requestParameters"] = params
		if !strings.HasSuffix(kind, "_PROXY") {
			mapResponse(&r, names, rec.Content[key].(doc)["response-headers"].(doc))
		}
	}
	return r
}

// mapResponse prints what the template sees and gives every header of the
// response that was given one.
func mapResponse(r *route, names []string, answered doc) {
	var lines []string
	for _, name := range names {
		lines = append(lines, fmt.Sprintf("%q: \"$input.params('%s')\"", name, name))
	}
	r.integration["requestTemplates"] = doc{"application/json": "{" + strings.Join(lines, ", ") + "}"}
	declared, params := doc{}, doc{}
	for name, value := range answered {
		const prefix = "x-amzn-Remapped-"
		if !strings.HasPrefix(value.(string), "response_param_") && name != "Via" && name != prefix+"Date" {
			continue
		}
		name = strings.TrimPrefix(name, prefix)
		declared["method.response.header."+name] = false
		params["method.response.header."+name] = "'" + value.(string) + "'"
	}
	r.responses["200"]["responseParameters"] = params
	r.status["200"] = doc{"responseParameters": declared}
}

// showHeaders answers with body and headers of the request, as httpbin does.
func showHeaders(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client went away
	}
	headers := doc{"Host": r.Host, "Content-Length": fmt.Sprint(len(body))}
	if r.Header.Get("Pragma") == "no-cache" {
		r.Header.Del("Cache-Control") // net/http's own
	}
	for name, values := range r.Header {
		headers[name] = strings.Join(values, ",")
	}
	for _, line := range []string{"Content-Type: application/json", "Server: gunicorn/19.9.0", "Connection: keep-alive",
		"Access-Control-Allow-Credentials: true", "Access-Control-Allow-Origin: *"} {
		name, value, _ := strings.Cut(line, ": ")
		w.Header().Set(name, value)
	}
	_ = json.NewEncoder(w).Encode(doc{"headers": headers, "data": string(body)}) // the client may have gone away
}

// remapped is an answer as it was recorded. Lengths are those of the
// recording's own values.
func (c *client) remapped(key string, a answer) (shown doc) {
	want := c.rec.Content[key].(doc)
	defer func() {
		for name, v := range want {
			if v == nil { // there is none, and it was recorded so
				shown[name] = nil
			}
		}
	}()
	got, ok := a.json().(doc)
	response := recordedLengths(a.header, want["response-headers"].(doc))
	headers, seen := got["headers"].(doc)
	if !ok || !seen {
		return doc{"body": got, "response-headers": response}
	}
	if got["requestContext"] != nil { // the event of a function
		return doc{"headers": headers, "response-headers": response}
	}
	h := http.Header{}
	for name, value := range headers {
		h.Set(name, value.(string))
	}
	return doc{"body": got["data"], "headers": recordedLengths(h, want["headers"].(doc)), "response-headers": response}
}

// recordedLengths writes headers with the names of the recording, and its
// Content-Length.
func recordedLengths(h http.Header, want doc) doc {
	out := doc{}
	for name, values := range h {
		value := strings.Join(values, ", ")
		for n, v := range want {
			if strings.EqualFold(n, name) {
				name = n
				if strings.HasSuffix(name, "Content-Length") && !strings.HasPrefix(value, "response_param_") {
					value = v.(string)
				}
			}
		}
		out[name] = value
	}
	return out
}
