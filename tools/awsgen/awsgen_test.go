package main

import (
	"bytes"
	"os"
	"path/filepath"
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

// TestQuirksName keeps the table of quirks to shapes and values that exist.
func TestQuirksName(t *testing.T) {
	m, err := load(apis()[0])
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
