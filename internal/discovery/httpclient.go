package discovery

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"
)

// An Access says how a registry is reached that speaks HTTP. Secrets stand in
// files, which are read again for each request, so that they can be replaced.
type Access struct {
	CA           string `yaml:"ca"`   // file; the system's authorities
	Cert         string `yaml:"cert"` // file of a client certificate
	Key          string `yaml:"key"`  // file
	Username     string `yaml:"username"`
	PasswordFile string `yaml:"password-file"`
	TokenFile    string `yaml:"token-file"`
}

func (a *Access) check() error {
	switch {
	case (a.Cert == "") != (a.Key == ""):
		return errors.New("cert and key: want both or none")
	case a.Username != "" && a.PasswordFile == "":
		return errors.New("password-file: missing")
	case a.PasswordFile != "" && a.Username == "":
		return errors.New("username: missing")
	}
	return nil
}

// files are those that a names.
func (a *Access) files() []string { return named(a.CA, a.Cert, a.Key, a.PasswordFile, a.TokenFile) }

// named are those of names that are not empty.
func named(names ...string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return name == "" })
}

// checkURL reports what is no address of a registry.
func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("address: %q is not a URL as in http://127.0.0.1:8500", text)
	case u.User != nil:
		return errors.New("address: write username and password-file, not a user in the URL")
	}
	return nil
}

// secret reads a file that holds one; no name: none.
func secret(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimSpace(string(text)), err
}

// tlsConfig is what connections to a registry are made with.
func (a *Access) tlsConfig() (*tls.Config, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CA != "" {
		text, err := os.ReadFile(a.CA)
		if err != nil {
			return nil, err
		}
		if conf.RootCAs = x509.NewCertPool(); !conf.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s holds no certificate", a.CA)
		}
	}
	if a.Cert != "" {
		pair, err := tls.LoadX509KeyPair(a.Cert, a.Key)
		if err != nil {
			return nil, err
		}
		conf.Certificates = []tls.Certificate{pair}
	}
	return conf, nil
}

// maxAnswer bounds what a registry may send at once.
const maxAnswer = 32 << 20

// askTime bounds a question that is answered at once.
const askTime = 10 * time.Second

// A httpClient asks one registry. Its connections end with close.
type httpClient struct {
	http   *http.Client
	access Access
	// header sets what all requests have, beside the credentials of access.
	header func(http.Header) error
}

func newHTTPClient(a Access) (*httpClient, error) {
	conf, err := a.tlsConfig()
	if err != nil {
		return nil, err
	}
	return &httpClient{access: a, http: &http.Client{
		Transport: &http.Transport{TLSClientConfig: conf, MaxConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: askTime, ForceAttemptHTTP2: true},
		// Credentials go where the configuration says, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func (c *httpClient) close() { c.http.CloseIdleConnections() }

// A refusal is an answer with another status than 200.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return fmt.Sprintf("status %d: %s", r.status, r.text) }

// isStatus tells whether err is an answer with this status.
func isStatus(err error, status int) bool {
	var r *refusal
	return errors.As(err, &r) && r.status == status
}

// open sends a request and returns the answer, if its status is 200. The body
// must be closed.
func (c *httpClient) open(ctx context.Context, method, address string, form url.Values) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if c.header != nil {
		if err := c.header(req.Header); err != nil {
			return nil, err
		}
	}
	if c.access.Username != "" {
		password, err := secret(c.access.PasswordFile)
		if err != nil {
			return nil, err
		}
		req.SetBasicAuth(c.access.Username, password)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, withoutURL(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()                               //nolint:errcheck // nothing is taken from it
		text, _ := io.ReadAll(io.LimitReader(resp.Body, 200)) // what can be read is shown
		return nil, &refusal{resp.StatusCode, brief(bytes.TrimSpace(text))}
	}
	return resp, nil
}

// withoutURL leaves the address out of an error: it may hold a token.
func withoutURL(err error) error {
	var e *url.Error
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}

// get asks for a document and reads it into v, all within a time.
func (c *httpClient) get(ctx context.Context, address string, limit time.Duration, v any) (http.Header, error) {
	return c.do(ctx, http.MethodGet, address, nil, limit, v)
}

func (c *httpClient) do(ctx context.Context, method, address string, form url.Values, limit time.Duration, v any) (http.Header, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	resp, err := c.open(ctx, method, address, form)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // the body was read, or its error is returned
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxAnswer:
		return nil, fmt.Errorf("the answer is larger than %d bytes", maxAnswer)
	}
	if err := json.Unmarshal(text, v); err != nil {
		return nil, fmt.Errorf("answer: %w", err)
	}
	return resp.Header, nil
}
