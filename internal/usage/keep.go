package usage

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"gatehouse/internal/limit"
	"gatehouse/internal/store"
)

// How counts are stored: the keys of a plan are spread over shards, and there
// is one record for each plan, day and shard,
//
//	/usage/<account>/<region>/<plan>/<day>/<shard>
//
// with the counts of all its keys (see encode). Days are written as seven
// digits, so that they stand in order.
const (
	shards     = 256
	root       = "usage"
	dayDigits  = 7
	endOfTime  = limit.Day(9_999_999) // the last day that has seven digits
	pageSize   = 200                  // records read at once
	mostBytes  = store.MaxCommitSize * 3 / 4
	recordForm = 1 // first byte of a record
)

func dayText(d limit.Day) string { return fmt.Sprintf("%0*d", dayDigits, max(0, d)) }

func shardOf(key string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(key)) // cannot fail
	return fmt.Sprintf("%02x", h.Sum32()%shards)
}

func (p Plan) prefix() string { return store.Prefix(root, p.Account, p.Region, p.ID) }

// A batch is what is to be written: by record, the counts of its keys.
type batch struct {
	records map[string]map[string]limit.Count
	saved   []func()
	scratch []limit.Count
}

func newBatch() *batch { return &batch{records: make(map[string]map[string]limit.Count)} }

// add adds what has changed of a key.
func (b *batch) add(p Plan, key string, k *meter) {
	b.scratch = k.quota.Counts(b.scratch[:0])
	today := b.scratch[0]
	if len(b.scratch) == 1 && today == k.saved {
		return
	}
	for _, c := range b.scratch {
		if c == k.saved || c.Used == 0 && c.Granted == 0 && c.Day != k.saved.Day {
			continue // as it is stored, or nothing is
		}
		record := p.prefix() + store.ID(dayText(c.Day), shardOf(key))
		if b.records[record] == nil {
			b.records[record] = make(map[string]limit.Count)
		}
		b.records[record][key] = c
	}
	b.saved = append(b.saved, func() {
		k.saved = today
		k.quota.Forget(today.Day)
	})
}

// flush writes what has changed of all keys.
func (m *Meter) flush(ctx context.Context) error {
	if m.st == nil {
		return nil // and nothing is forgotten: at most one count a day
	}
	b := newBatch()
	for p, keys := range m.plans {
		for key, k := range keys {
			b.add(p, key, k)
		}
	}
	return m.write(ctx, b)
}

// write writes a batch. What is written twice is no harm: counts are whole.
func (m *Meter) write(ctx context.Context, b *batch) error {
	if m.st == nil {
		return nil
	}
	var ops []store.Op
	size := 0
	commit := func() error {
		if len(ops) == 0 {
			return nil
		}
		_, err := m.st.Commit(ctx, nil, ops)
		ops, size = nil, 0
		return err
	}
	for _, record := range slices.Sorted(maps.Keys(b.records)) {
		value, err := m.merge(ctx, record, b.records[record])
		if err != nil {
			return err
		}
		if len(ops) == store.MaxOps || len(ops) > 0 && size+len(record)+len(value) > mostBytes {
			if err := commit(); err != nil {
				return err
			}
		}
		ops = append(ops, store.Put(record, value))
		size += len(record) + len(value)
	}
	if err := commit(); err != nil {
		return err
	}
	for _, done := range b.saved {
		done()
	}
	return nil
}

// merge returns a record with counts put into it. A damaged one begins anew.
func (m *Meter) merge(ctx context.Context, record string, counts map[string]limit.Count) ([]byte, error) {
	kv, err := m.st.Get(ctx, record)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	all, err := decode(kv.Value)
	if err != nil {
		m.log.Error("usage counts are damaged and begin anew", "record", record, "error", err)
	}
	maps.Copy(all, counts)
	return encode(all), nil
}

// read reads the counts of some keys of a plan, or (nil) of all, from a day on.
func (m *Meter) read(ctx context.Context, p Plan, keys []string, first limit.Day) (map[string][]limit.Count, error) {
	counts := make(map[string][]limit.Count)
	err := m.scan(ctx, p, keys, first, endOfTime, func(key string, c limit.Count) { counts[key] = append(counts[key], c) })
	return counts, err
}

// scan tells of the stored counts of a plan for the days from first to last,
// of some keys or (nil) of all.
func (m *Meter) scan(ctx context.Context, p Plan, keys []string, first, last limit.Day, tell func(key string, c limit.Count)) error {
	if m.st == nil {
		return nil
	}
	wanted := make(map[string]bool, len(keys)) // keys and shards: their names differ in the slash
	for _, key := range keys {
		wanted[key], wanted["/"+shardOf(key)] = true, true
	}
	prefix := p.prefix()
	for from := prefix + dayText(first); ; {
		page, err := m.st.List(ctx, prefix, from, pageSize)
		if err != nil {
			return fmt.Errorf("read usage counts: %w", err)
		}
		for _, kv := range page.KVs {
			day, ok := dayOf(kv.Key)
			if !ok || day > last {
				return nil
			}
			if keys != nil && !wanted[kv.Key[strings.LastIndexByte(kv.Key, '/'):]] {
				continue
			}
			counts, err := decode(kv.Value)
			if err != nil {
				m.log.Error("usage counts are damaged and left out", "record", kv.Key, "error", err)
			}
			for key, c := range counts {
				if (keys == nil || wanted[key]) && (c.Used != 0 || c.Granted != 0) {
					c.Day = day
					tell(key, c)
				}
			}
		}
		if from = page.Next; from == "" {
			return nil
		}
	}
}

// dayOf returns the day in a record's key.
func dayOf(record string) (limit.Day, bool) {
	parts := store.Parts(record)
	if len(parts) != 6 {
		return 0, false
	}
	d, err := strconv.ParseInt(parts[4], 10, 32)
	return limit.Day(d), err == nil
}

// sweep removes the days that are no longer kept, once a day.
func (m *Meter) sweep(ctx context.Context, today limit.Day) error {
	if m.st == nil || m.swept >= today {
		return nil
	}
	var ops []store.Op
	for from := ""; ; {
		page, err := m.st.List(ctx, store.Prefix(root), from, pageSize)
		if err != nil {
			return err
		}
		for _, kv := range page.KVs {
			if day, ok := dayOf(kv.Key); !ok || day < today-Kept {
				ops = append(ops, store.Delete(kv.Key))
			}
		}
		if from = page.Next; from == "" {
			break
		}
	}
	for batch := range slices.Chunk(ops, store.MaxOps) {
		if _, err := m.st.Commit(ctx, nil, batch); err != nil {
			return err
		}
	}
	m.swept = today
	return nil
}

// encode packs the counts of one record: for each key its id and its numbers,
// each number as a varint and each id after its length.
func encode(counts map[string]limit.Count) []byte {
	dst := []byte{recordForm}
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		dst = binary.AppendUvarint(dst, uint64(len(key)))
		dst = append(dst, key...)
		dst = binary.AppendUvarint(dst, uint64(counts[key].Used))
		dst = binary.AppendVarint(dst, counts[key].Granted)
	}
	return dst
}

var errRecord = errors.New("not a record of usage counts")

// decode is the reverse of encode but for the days. What stands before damage
// is returned with the error; no record is no counts.
func decode(b []byte) (map[string]limit.Count, error) {
	counts := make(map[string]limit.Count)
	if len(b) == 0 {
		return counts, nil
	}
	if b[0] != recordForm {
		return counts, errRecord
	}
	for b = b[1:]; len(b) > 0; {
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return counts, errRecord
		}
		key := string(b[n : n+int(size)])
		b = b[n+int(size):]
		used, n := binary.Uvarint(b)
		if n <= 0 || used > math.MaxInt64 {
			return counts, errRecord
		}
		granted, g := binary.Varint(b[n:])
		if g <= 0 {
			return counts, errRecord
		}
		counts[key] = limit.Count{Used: int64(used), Granted: granted}
		b = b[n+g:]
	}
	return counts, nil
}
