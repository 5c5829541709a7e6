package app

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"gatehouse/internal/clientcert"
)

// clients are those that listen-tls lets in: a trust store in files, which are
// read again when the operator asks for it.
type clients struct {
	rule    clientcert.Rule
	ca, crl string
	ocsp    bool
	log     *slog.Logger
}

func readClients(cfg *Config, log *slog.Logger) (*clients, error) {
	c := &clients{ca: cfg.TLSClientCA, crl: cfg.TLSClientCRL, ocsp: cfg.TLSClientOCSP, log: log}
	c.rule.Required = cfg.TLSClientAuth == "required"
	if cfg.Listen != "" && !isLoopback(cfg.Listen) {
		log.Warn("clients of listen need no certificate: tls-client-ca holds for listen-tls only", "listen", cfg.Listen)
	}
	return c, c.read()
}

// read reads the files. If they are not sound, the store before stays in use.
func (c *clients) read() error {
	text, err := readAtMost(c.ca, clientcert.MaxStore)
	if err != nil {
		return fmt.Errorf("tls-client-ca: %w", err)
	}
	store, warnings, err := clientcert.ParseStore(text)
	if err != nil {
		return fmt.Errorf("tls-client-ca %s: %w", c.ca, err)
	}
	for _, w := range warnings {
		c.log.Warn("an authority of clients is of no use", "file", c.ca, "reason", w)
	}
	if c.crl != "" {
		if text, err = readAtMost(c.crl, clientcert.MaxLists); err != nil {
			return fmt.Errorf("tls-client-crl: %w", err)
		}
		if err := store.Revocations(text); err != nil {
			return fmt.Errorf("tls-client-crl %s: %w", c.crl, err)
		}
	}
	if c.ocsp {
		store.AskResponders()
	}
	c.rule.Set(store)
	return nil
}

// readAtMost reads a file, and no more than one byte over limit.
func readAtMost(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	return io.ReadAll(io.LimitReader(f, limit+1))
}
