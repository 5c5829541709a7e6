package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A deliveryStream sends lines to an HTTP endpoint as Firehose does.
//
// AWS: "Understand HTTP endpoint delivery request and response specifications"
// (Data Firehose developer guide).
type deliveryStream struct {
	url    string
	client *http.Client
}

// Bounds of a delivery.
const (
	deliveryTries = 3
	deliveryTime  = 10 * time.Second
	deliveryRest  = 500 * time.Millisecond // before a second try
	deliveryLines = 500                    // AWS: PutRecordBatch, records
)

func newDeliveryStream(url string) *deliveryStream {
	return &deliveryStream{url, &http.Client{Timeout: deliveryTime}}
}

// opener returns what opens the stream for a LogSink. When ctx ends what is being
// sent is given up.
func (d *deliveryStream) opener(ctx context.Context) func() (io.WriteCloser, error) {
	return func() (io.WriteCloser, error) {
		return &streamWriter{d, func(b []byte) (int, error) { return d.deliver(ctx, b) }}, nil
	}
}

// A streamWriter is a delivery stream as a LogSink writes to it.
type streamWriter struct {
	stream *deliveryStream
	write  func(b []byte) (int, error)
}

// Write sends lines. It returns how much of b was taken.
func (w *streamWriter) Write(b []byte) (int, error) { return w.write(b) }

// Close lets idle connections go.
func (w *streamWriter) Close() error {
	w.stream.client.CloseIdleConnections()
	return nil
}

// deliver sends lines. It returns how much of b was taken.
func (d *deliveryStream) deliver(ctx context.Context, b []byte) (int, error) {
	sent := 0
	for sent < len(b) {
		end, err := d.send(ctx, b[sent:])
		if err != nil {
			return sent, err
		}
		sent += end
	}
	return sent, nil
}

type delivery struct {
	RequestID string           `json:"requestId"`
	Timestamp int64            `json:"timestamp"`
	Records   []deliveryRecord `json:"records"`
}

type deliveryRecord struct {
	Data []byte `json:"data"` // base64
}

// send sends the first lines of b, and returns how many bytes they are.
func (d *deliveryStream) send(ctx context.Context, b []byte) (int, error) {
	out := delivery{RequestID: newLogStream(), Timestamp: time.Now().UnixMilli()}
	size := 0
	for line := range bytes.Lines(b) {
		if len(out.Records) == deliveryLines {
			break
		}
		out.Records = append(out.Records, deliveryRecord{line})
		size += len(line)
	}
	body, err := json.Marshal(&out)
	if err != nil {
		return 0, err
	}
	for try := 1; ; try++ {
		if err = d.post(ctx, body, out.RequestID); err == nil {
			return size, nil
		}
		if try == deliveryTries {
			return 0, err
		}
		select {
		case <-ctx.Done():
			return 0, err
		case <-time.After(deliveryRest): // the queue before it is bounded
		}
	}
}

func (d *deliveryStream) post(ctx context.Context, body []byte, id string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Amz-Firehose-Protocol-Version", "1.0")
	req.Header.Set("X-Amz-Firehose-Request-Id", id)
	res, err := d.client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // it was read
	_, _ = io.Copy(io.Discard, io.LimitReader(res.Body, 64<<10))
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s answered %d", req.URL.Redacted(), res.StatusCode)
	}
	return nil
}
