package otlp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// An httpTransport posts messages as OTLP/HTTP has it, in binary protobuf.
type httpTransport struct {
	opt    *Options
	client *http.Client
	urls   [signals]string
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 10

func newHTTP(opt *Options) *httpTransport {
	h := &httpTransport{opt: opt, client: &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: opt.TLS, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: int(signals), MaxConnsPerHost: int(2 * signals), IdleConnTimeout: 2 * time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, s := range Signals {
		u := *opt.Endpoint
		u.Path = strings.TrimSuffix(u.Path, "/") + "/v1/" + s.String()
		h.urls[s] = u.String()
	}
	return h
}

func (h *httpTransport) close() { h.client.CloseIdleConnections() }

func (h *httpTransport) send(ctx context.Context, s Signal, message []byte) ([]byte, error) {
	if !h.opt.Plain {
		var zipped bytes.Buffer
		w, err := gzip.NewWriterLevel(&zipped, gzip.BestSpeed)
		if err != nil {
			return nil, err
		}
		_, err = w.Write(message)
		if err = errors.Join(err, w.Close()); err != nil {
			return nil, err
		}
		message = zipped.Bytes()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.urls[s], bytes.NewReader(message))
	if err != nil {
		return nil, err
	}
	for name, value := range h.opt.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set("User-Agent", "gatehouse")
	if !h.opt.Plain {
		req.Header.Set("Content-Encoding", "gzip")
	}
	res, err := h.client.Do(req)
	if err != nil {
		return nil, &later{err: err}
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if res.StatusCode/100 == 2 {
		if err != nil {
			return nil, nil // taken: what was not is not known
		}
		return answer, nil
	}
	err = fmt.Errorf("%s answered %d", h.opt.Endpoint.Redacted(), res.StatusCode)
	switch res.StatusCode {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return nil, &later{err: err, after: retryAfter(res.Header.Get("Retry-After"))}
	}
	return nil, err
}

// retryAfter is the time that a Retry-After header asks for, in seconds or as a
// date.
func retryAfter(value string) time.Duration {
	if n, err := strconv.ParseUint(value, 10, 16); err == nil {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(value); err == nil {
		return time.Until(t)
	}
	return 0
}
