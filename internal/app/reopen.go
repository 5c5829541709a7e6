package app

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	rest "gatehouse/internal/service/apigateway"
)

// lookEvery is how often files that say whom to trust are looked at: a
// revocation must not wait for somebody to remember the server.
const lookEvery = 10 * time.Second

// reopen opens log files and certificates again whenever the operator asks for
// it, and trust stores also when their files have changed. What cannot be
// opened stays as it was.
func (n *node) reopen(ctx context.Context) error {
	domains := rest.New(n.st, n.blobs, rest.Options{Truststores: &truststores{dir: n.cfg.TruststoreDir, objects: objects{n.aws, n.buckets}}})
	var ofListener, ofDomains fileWatch
	ofListener.changed(n.clientFiles()...) // were read at the start
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		asked := false
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-n.sur.Reopen:
			asked = true
			n.logs.reopen()
			n.rereadKeys()
			if err := n.readTokens(); err != nil {
				n.log.Error("tokens not read again, the old ones stay in force", "error", err)
			} else {
				n.log.Info("tokens of registration read again")
			}
		}
		if ofListener.changed(n.clientFiles()...) || asked {
			n.rereadClients()
		}
		if n.cfg.TruststoreDir != "" && (ofDomains.changed(n.cfg.TruststoreDir) || asked) {
			n.rereadTruststores(ctx, domains)
		}
	}
}

func (n *node) rereadKeys() {
	if n.front.keys == nil {
		return
	}
	if err := n.front.keys.read(); err != nil {
		n.log.Error("certificate not read again, serving the old one", "error", err)
	}
}

// clientFiles are those that say whom listen-tls trusts.
func (n *node) clientFiles() []string {
	if n.front.clients == nil {
		return nil
	}
	return []string{n.front.clients.ca, n.front.clients.crl}
}

func (n *node) rereadClients() {
	if n.front.clients == nil {
		return
	}
	if err := n.front.clients.read(); err != nil {
		n.log.Error("authorities of clients not read again, trusting the old ones", "error", err)
		return
	}
	n.log.Info("authorities of clients read again")
}

// rereadTruststores reads the trust stores of domains in files again.
func (n *node) rereadTruststores(ctx context.Context, domains *rest.Service) {
	changed, err := domains.RereadTruststores(ctx)
	if len(changed) > 0 {
		n.log.Info("trust stores read again", "domains", strings.Join(changed, " "))
	}
	if err != nil && ctx.Err() == nil {
		n.log.Error("trust stores not all read again, trusting the old ones", "error", err)
	}
}

// maxWatched bounds the files of a directory that is watched.
const maxWatched = 10_000

// A fileWatch tells whether files have changed since it was asked last.
type fileWatch struct{ seen string }

// changed looks at files and, below directories, at all that are there: their
// names, sizes and times.
func (w *fileWatch) changed(names ...string) bool {
	var now strings.Builder
	left := maxWatched
	for _, name := range names {
		// What cannot be looked at is no change; reading it says why.
		_ = filepath.WalkDir(name, func(path string, _ fs.DirEntry, err error) error {
			if left--; left < 0 {
				return fs.SkipAll
			}
			if err != nil {
				return nil
			}
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				fmt.Fprintf(&now, "%s\x00%d\x00%d\n", path, info.Size(), info.ModTime().UnixNano())
			}
			return nil
		})
	}
	changed := now.String() != w.seen
	w.seen = now.String()
	return changed
}
