package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
)

// mostHealth bounds the answer to a health check of gRPC.
const mostHealth = 4 << 10

// serving is the status of a service that is well, as the protocol numbers them:
// unknown, serving, not serving, service unknown.
const serving = 1

// askGRPC asks the health service of gRPC over a connection of its own, which
// it closes.
func askGRPC(ctx context.Context, nc net.Conn, service, host string) error {
	defer nc.Close() //nolint:errcheck // nothing is under way
	var proto http.Protocols
	proto.SetUnencryptedHTTP2(true) // TLS, if there is any, is made already
	dial := func(context.Context, string, string) (net.Conn, error) { return nc, nil }
	tr := &http.Transport{Protocols: &proto, DialContext: dial, DisableCompression: true}
	defer tr.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+host+"/grpc.health.v1.Health/Check", strings.NewReader(string(healthRequest(service))))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/grpc")
	req.Header.Set("Te", "trailers")
	resp, err := tr.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // all that matters was read
	body, err := io.ReadAll(io.LimitReader(resp.Body, mostHealth))
	if err != nil {
		return err
	}
	code := resp.Trailer.Get("Grpc-Status")
	if code == "" {
		code = resp.Header.Get("Grpc-Status")
	}
	if resp.StatusCode != http.StatusOK || code != "0" {
		return fmt.Errorf("status %d, grpc-status %q", resp.StatusCode, code)
	}
	if status, err := healthStatus(body); err != nil || status != serving {
		return errors.Join(err, fmt.Errorf("service %q is not serving: health status %d", service, status))
	}
	return nil
}

// healthRequest is a HealthCheckRequest, in which the service is field 1, in a
// message of gRPC.
func healthRequest(service string) []byte {
	var msg []byte
	if service != "" {
		msg = binary.AppendUvarint([]byte{1<<3 | 2}, uint64(len(service)))
		msg = append(msg, service...)
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(msg))), msg...)
}

var errHealth = errors.New("malformed answer to a health check")

// healthStatus reads field 1 of a HealthCheckResponse.
func healthStatus(b []byte) (uint64, error) {
	if len(b) < 5 || b[0] != 0 || binary.BigEndian.Uint32(b[1:5]) != uint32(len(b)-5) {
		return 0, errHealth
	}
	b = b[5:]
	if len(b) == 0 {
		return 0, nil // the default is not sent
	}
	n, size := binary.Uvarint(b[1:])
	if b[0] != 1<<3 || size <= 0 {
		return 0, errHealth
	}
	return n, nil
}
