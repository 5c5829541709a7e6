package app

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"

	"gatehouse/internal/gateway"
)

// A certificate is the key pair of the HTTPS address. It is read from its
// files, and again when the operator asks for it.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

func readCertificate(certFile, keyFile string) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	return c, c.read()
}

// read reads the files. If they are not sound, the pair before stays in use.
func (c *certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("tls-cert %s, tls-key %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	return nil
}

// config shows a client the certificate of the custom domain that it asks for,
// and any other this one.
func (c *certificate) config(gw *gateway.Gateway) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if own := gw.Table().Certificate(hello.ServerName); own != nil {
				return own, nil
			}
			return c.current.Load(), nil
		},
	}
}
