package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// A Table is the records of one type below one prefix, kept as JSON. Reading
// goes straight to the store; changes are handed out as operations and
// conditions, so that what belongs together, of however many tables, goes into
// one Commit:
//
//	put, err := stages.Put(id, next)
//	...
//	rev, err := st.Commit(ctx, []store.Cond{stages.Is(id, rev)}, []store.Op{put, audit})
//
// Ids with several parts are made with [ID]. A Table is a small value, cheap
// to make and to copy.
type Table[T any] struct {
	st     Store
	prefix string
}

// NewTable returns the table of all T below prefix, which is best made with
// [Prefix].
func NewTable[T any](st Store, prefix string) Table[T] {
	return Table[T]{st: st, prefix: prefix}
}

// A Row is one record of a table.
type Row[T any] struct {
	ID    string
	Value T
	Rev   Rev // the commit that last put it
}

// Rows is a part of a listing, all of it as of one revision.
type Rows[T any] struct {
	Rows []Row[T]
	Rev  Rev    // the revision this listing shows
	Next string // pass as from to continue; empty at the end
}

// Get returns the record with this id and the revision that put it, or
// ErrNotFound.
func (t Table[T]) Get(ctx context.Context, id string) (T, Rev, error) {
	kv, err := t.st.Get(ctx, t.Key(id))
	if err != nil {
		var none T
		return none, 0, err
	}
	row, err := t.Decode(kv)
	return row.Value, row.Rev, err
}

// Find is Get of the record whose id has these parts. If there is none it
// returns missing, and Rev 0.
func (t Table[T]) Find(ctx context.Context, missing error, id ...string) (T, Rev, error) {
	rec, rev, err := t.Get(ctx, ID(id...))
	if errors.Is(err, ErrNotFound) {
		return rec, 0, missing
	}
	return rec, rev, err
}

// All returns every record whose id begins with these parts.
func (t Table[T]) All(ctx context.Context, under ...string) ([]Row[T], error) {
	prefix := ""
	if len(under) > 0 {
		prefix = ID(under...) + "/"
	}
	rows, err := t.List(ctx, prefix, "", 0)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	return rows.Rows, nil
}

// List returns the records whose id begins with under (all if it is empty), in
// the byte order of their ids, starting at the id from (or at the first if it
// is empty), at most limit of them (0: no limit).
func (t Table[T]) List(ctx context.Context, under, from string, limit int) (Rows[T], error) {
	if from != "" {
		from = t.Key(from)
	}
	page, err := t.st.List(ctx, t.Key(under), from, limit)
	if err != nil {
		return Rows[T]{}, err
	}
	rows := Rows[T]{Rows: make([]Row[T], len(page.KVs)), Rev: page.Rev}
	rows.Next, _ = t.ID(page.Next)
	for i, kv := range page.KVs {
		if rows.Rows[i], err = t.Decode(kv); err != nil {
			return Rows[T]{}, err
		}
	}
	return rows, nil
}

// Put is the operation that stores v under id.
func (t Table[T]) Put(id string, v T) (Op, error) {
	value, err := json.Marshal(v, recordFormat())
	if err != nil {
		return Op{}, fmt.Errorf("encode %s: %w", t.Key(id), err)
	}
	return Put(t.Key(id), value), nil
}

// Delete is the operation that removes the record with this id.
func (t Table[T]) Delete(id string) Op { return Delete(t.Key(id)) }

// Is demands that the record is still the one that revision rev put.
func (t Table[T]) Is(id string, rev Rev) Cond { return Cond{Key: t.Key(id), Rev: rev} }

// Absent demands that there is no record with this id.
func (t Table[T]) Absent(id string) Cond { return Cond{Key: t.Key(id)} }

// Key is the key under which the record with this id is stored.
func (t Table[T]) Key(id string) string { return t.prefix + id }

// ID is the id in key, and whether key belongs to this table at all.
func (t Table[T]) ID(key string) (string, bool) { return strings.CutPrefix(key, t.prefix) }

// Decode makes a row of what List or Watch of the store returned.
func (t Table[T]) Decode(kv KV) (Row[T], error) {
	id, ok := t.ID(kv.Key)
	if !ok {
		return Row[T]{}, fmt.Errorf("decode %s: not below %s", kv.Key, t.prefix)
	}
	row := Row[T]{ID: id, Rev: kv.Rev}
	if err := json.Unmarshal(kv.Value, &row.Value, recordFormat()); err != nil {
		return Row[T]{}, fmt.Errorf("decode %s: %w", kv.Key, err)
	}
	return row, nil
}

// recordFormat is how records are written and read: the same record always
// gives the same bytes, what was nil stays nil, a pointer to an empty string
// is not dropped by omitempty, durations are numbers; text that is not UTF-8
// and doubled members are refused, never repaired.
func recordFormat() json.Options {
	return json.JoinOptions(
		json.Deterministic(true),
		json.FormatNilSliceAsNull(true),
		json.FormatNilMapAsNull(true),
		jsonv1.OmitEmptyWithLegacySemantics(true),
		jsonv1.FormatDurationAsNano(true),
	)
}
