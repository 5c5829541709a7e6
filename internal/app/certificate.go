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
// and any other this one. It asks the client for a certificate where there will
// be need of one; whether it is good is found out with each request, which is
// refused if it is not.
//
// AWS: authorizers.md §8: without a certificate there is no connection, with one
// that is not good there is an answer.
func (c *certificate) config(gw *gateway.Gateway) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if d := gw.Table().Domain(hello.ServerName); d != nil && d.Certificate != nil {
				return d.Certificate, nil
			}
			return c.current.Load(), nil
		},
	}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		asks, store := gw.AsksForCertificate(hello.ServerName)
		if asks == tls.NoClientCert {
			return nil, nil // the one we have
		}
		own := config.Clone()
		own.ClientAuth, own.ClientCAs = asks, store.Hint()
		return own, nil
	}
	return config
}
