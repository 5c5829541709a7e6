package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Running is where a server that is running can be reached. It stands in the
// file run.json of the data directory from the moment the server is ready
// until it ends; after a crash it is left behind and replaced at the next
// start.
type Running struct {
	PID       int    `json:"pid"`
	API       string `json:"api"` // addresses as they were bound: port 0 is resolved
	Listen    string `json:"listen,omitempty"`
	ListenTLS string `json:"listenTls,omitempty"`
	Admin     string `json:"admin,omitempty"`
	DNS       string `json:"dns,omitempty"`
	XRay      string `json:"xray,omitempty"` // UDP and TCP
	Account   string `json:"account"`
	Dev       bool   `json:"dev"`

	// Upgrades that failed, and why the last one did: those that this process was asked
	// for, and the one that it began with, if it is of the program that was there before.
	FailedUpgrades int    `json:"failedUpgrades,omitempty"`
	NoUpgrade      string `json:"noUpgrade,omitempty"`
}

// DataPlane is the URL of the data plane: plain HTTP if it is served, else
// HTTPS, else the address of the AWS APIs, which serves it too.
func (r Running) DataPlane() string {
	switch {
	case r.Listen != "":
		return "http://" + reachable(r.Listen)
	case r.ListenTLS != "":
		return "https://" + reachable(r.ListenTLS)
	}
	return r.Endpoint()
}

// Endpoint is the URL of the AWS APIs.
func (r Running) Endpoint() string { return "http://" + reachable(r.API) }

// AdminURL is the URL of the admin address, or "".
func (r Running) AdminURL() string {
	if r.Admin == "" {
		return ""
	}
	return "http://" + reachable(r.Admin)
}

// FindRunning returns where the server on the data directory dir can be
// reached. That it is still running is not said.
func FindRunning(dir string) (Running, error) {
	var r Running
	text, err := os.ReadFile((&Config{Data: dir}).runFile())
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("no server is running on the data directory %s: start one with \"gatehouse serve --data %s\"", dir, dir)
	}
	if err != nil {
		return r, fmt.Errorf("find the running server: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("find the running server: %s: %w", (&Config{Data: dir}).runFile(), err)
	}
	return r, nil
}

// write puts r into the data directory, whole or not at all.
func (r Running) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(file), ".run-*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // nothing is left to remove once it is renamed
	if _, err := next.Write(append(text, '\n')); err != nil {
		return errors.Join(err, next.Close())
	}
	if err := next.Close(); err != nil {
		return err
	}
	return os.Rename(next.Name(), file)
}
