package store_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// wire imitates a generated shape, stage a record that embeds it.
type wire struct {
	Name        *string           `json:"name,omitempty"`
	Description *string           `json:"description,omitempty"`
	Variables   map[string]string `json:"variables,omitempty"`
	Types       []string          `json:"types"`
}

type stage struct {
	wire
	API string
}

func (s stage) with(api string) stage { s.API = api; return s }

func TestTable(t *testing.T) {
	st := memstore.New(memstore.Options{})
	prefix := store.Prefix("000000000000", "eu-west-1", "apigateway", "stage")
	stages := store.NewTable[stage](st, prefix)

	empty, name := "", "prod <&>"
	want := stage{wire: wire{Name: &name, Description: &empty, Variables: map[string]string{"b": "2", "a": "1"}}, API: "a1"}
	if _, _, err := stages.Get(t.Context(), "a1/prod"); !errors.Is(err, store.ErrNotFound) {
		t.Fatalf("Get of nothing = %v, want ErrNotFound", err)
	}
	var ops []store.Op
	for _, id := range []string{store.ID("a1", "prod"), store.ID("a1", "test"), store.ID("a2", "prod")} {
		op, err := stages.Put(id, want)
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, op)
	}
	rev, err := st.Commit(t.Context(), []store.Cond{stages.Absent("a1/prod")}, ops)
	if err != nil {
		t.Fatal(err)
	}
	got, gotRev, err := stages.Get(t.Context(), "a1/prod")
	if err != nil || gotRev != rev {
		t.Fatalf("Get = rev %d, %v, want rev %d", gotRev, err, rev)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(stage{})); diff != "" {
		t.Errorf("record changed on its way (-want +got):\n%s", diff)
	}

	page, err := stages.List(t.Context(), "a1/", "", 1)
	if err != nil || len(page.Rows) != 1 || page.Rows[0].ID != "a1/prod" || page.Next != "a1/test" || page.Rev != rev {
		t.Errorf("first page = %+v, %v", page, err)
	}
	page, err = stages.List(t.Context(), "a1/", page.Next, 1)
	if err != nil || len(page.Rows) != 1 || page.Rows[0].ID != "a1/test" || page.Next != "" {
		t.Errorf("second page = %+v, %v", page, err)
	}

	if _, err := st.Commit(t.Context(), []store.Cond{stages.Is("a1/prod", rev+1)}, []store.Op{stages.Delete("a1/prod")}); !errors.Is(err, store.ErrConflict) {
		t.Errorf("delete at a wrong revision = %v, want ErrConflict", err)
	}
	if _, err := st.Commit(t.Context(), []store.Cond{stages.Is("a1/prod", rev)}, []store.Op{stages.Delete("a1/prod")}); err != nil {
		t.Errorf("delete = %v", err)
	}
}

func TestTableRefuses(t *testing.T) {
	names := store.NewTable[string](memstore.New(memstore.Options{}), "/n/")
	if _, err := names.Put("x", "a\xff"); err == nil {
		t.Error("Put of text that is not UTF-8 succeeded; it would come back changed")
	}
	if _, err := names.Decode(store.KV{Key: "/n/x", Value: []byte(`{}`)}); err == nil {
		t.Error("Decode of an object as a string succeeded")
	}
	if _, err := names.Decode(store.KV{Key: "/other/x", Value: []byte(`""`)}); err == nil {
		t.Error("Decode of a foreign key succeeded")
	}
}

func TestTableWritesTheSameBytes(t *testing.T) {
	stages := store.NewTable[stage](memstore.New(memstore.Options{}), "/s/")
	v := stage{wire: wire{Variables: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}}}.with("x")
	first, _ := stages.Put("x", v)
	for range 20 {
		again, err := stages.Put("x", v)
		if err != nil || string(again.Value) != string(first.Value) {
			t.Fatalf("Put = %s, %v, want %s", again.Value, err, first.Value)
		}
	}
}

func TestKeys(t *testing.T) {
	tests := []struct {
		parts []string
		want  string
	}{
		{nil, "/"},
		{[]string{"a"}, "/a/"},
		{[]string{"0", "eu", "x"}, "/0/eu/x/"},
		{[]string{"a/b", "50%", "%2F", ""}, "/a%2Fb/50%25/%252F//"},
	}
	for _, tt := range tests {
		got := store.Prefix(tt.parts...)
		if got != tt.want {
			t.Errorf("Prefix(%q) = %q, want %q", tt.parts, got, tt.want)
		}
		if len(tt.parts) > 0 && tt.parts[len(tt.parts)-1] != "" {
			if diff := cmp.Diff(tt.parts, store.Parts(got)); diff != "" {
				t.Errorf("Parts(%q) (-want +got):\n%s", got, diff)
			}
		}
	}
}
