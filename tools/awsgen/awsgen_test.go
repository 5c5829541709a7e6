package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestGeneratedIsCurrent regenerates everything and compares it with what is
// checked in, so that a change here or of a pin cannot be forgotten.
func TestGeneratedIsCurrent(t *testing.T) {
	for _, a := range apis() {
		m, err := load(a)
		if err != nil {
			t.Fatal(err)
		}
		files, err := emit(a, m)
		if err != nil {
			t.Fatal(err)
		}
		dir := filepath.Join("..", "..", "internal", "awsapi", a.name)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if files[e.Name()] == nil {
				t.Errorf("%s/%s is not generated", a.name, e.Name())
			}
		}
		for name, want := range files {
			got, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%s/%s is stale: run go run -C tools/awsgen .", a.name, name)
			}
		}
	}
}

// TestEveryOperationIsNamed: an operation that exists at AWS is refused by its
// name, if it is not served, and stands in the table of coverage.
func TestEveryOperationIsNamed(t *testing.T) {
	for _, a := range apis() {
		m, err := load(a)
		if err != nil {
			t.Fatal(err)
		}
		named := map[string]bool{}
		for _, op := range m.ops {
			named[op.name] = true
		}
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", a.module).Output()
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(dir)), "api_op_*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s has no operations: %v", a.module, err)
		}
		for _, file := range files {
			if name := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".go"), "api_op_"); !named[name] && !strings.HasSuffix(name, "_test") {
				t.Errorf("%s: %s has no name here", a.name, name)
			}
		}
	}
}

// TestQuirksName keeps the table of quirks to shapes and values that exist.
func TestQuirksName(t *testing.T) {
	list := apis()
	m, err := load(list[slices.IndexFunc(list, func(a api) bool { return a.name == "apigateway" })])
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, s := range m.shapes {
		order := enumOrder("apigateway", s.name)
		if order != nil {
			found++
		}
		for _, v := range order {
			known := false
			for _, sv := range s.values {
				known = known || sv.value == v
			}
			if !known {
				t.Errorf("%s has no value %s", s.name, v)
			}
		}
		if pattern("apigateway", s.name) != "" {
			found++
		}
	}
	if found != 8 {
		t.Errorf("%d quirks name a shape of the model, want 8", found)
	}
}
