package app

import (
	"bytes"
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

// newDeliveryStream returns what opens the stream to a URL.
func newDeliveryStream(url string) func() (io.WriteCloser, error) {
	d := &deliveryStream{url, &http.Client{Timeout: deliveryTime}}
	return func() (io.WriteCloser, error) { return d, nil }
}

// Close lets idle connections go.
func (d *deliveryStream) Close() error {
	d.client.CloseIdleConnections()
	return nil
}

// Write sends lines. It returns how much of b was taken.
func (d *deliveryStream) Write(b []byte) (int, error) {
	sent := 0
	for sent < len(b) {
		end, err := d.send(b[sent:])
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
func (d *deliveryStream) send(b []byte) (int, error) {
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
		if err = d.post(body, out.RequestID); err == nil {
			return size, nil
		}
		if try == deliveryTries {
			return 0, err
		}
		<-time.After(deliveryRest) // the queue before it is bounded
	}
}

func (d *deliveryStream) post(body []byte, id string) error {
	req, err := http.NewRequest(http.MethodPost, d.url, bytes.NewReader(body))
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
