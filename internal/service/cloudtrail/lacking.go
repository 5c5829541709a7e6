package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/store"
)

// What somebody took away of the records while no server ran is told at the next
// start, as far as it can be seen without reading them: the newest number is less
// than it was, or numbers are missing between. That the oldest are gone cannot be
// told from their having grown too old.

// markPace is how often the newest number is written down.
const markPace = 10 * time.Second

// mostGaps bounds the gaps that are told.
const mostGaps = 10

// A mark is a file outside the directory of the records, which holds the number of
// the newest one that the disk has. Empty: nothing is marked.
type mark string

// read returns the number; false: nothing was marked yet, or what cannot be read.
func (m mark) read() (uint64, bool) {
	b, err := os.ReadFile(string(m))
	if err != nil {
		return 0, false
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
	return n, err == nil
}

func (m mark) write(last uint64) error {
	if err := os.WriteFile(string(m)+".new", []byte(strconv.FormatUint(last, 10)+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(string(m)+".new", string(m))
}

// lacking tells what is missing of the records, a line each.
func (k *keeper) lacking() []string {
	last := k.log.Last()
	var lines []string
	if was, ok := k.mark.read(); ok && was > last {
		lines = append(lines, fmt.Sprintf("records %d to %d", last+1, was))
	}
	gaps, err := k.log.Gaps()
	if err != nil {
		return append(lines, err.Error())
	}
	for i, g := range gaps {
		if i == mostGaps {
			return append(lines, fmt.Sprintf("and %d more parts", len(gaps)-mostGaps))
		}
		lines = append(lines, fmt.Sprintf("records %d to %d", g.First, g.Last))
	}
	return lines
}

// neverKept tells whether a store has changes of which there is neither a record
// nor a mark.
func (k *keeper) neverKept(st store.Store) (bool, error) {
	if k.mark == "" || k.log.Last() > 0 {
		return false, nil
	}
	if _, err := os.Stat(string(k.mark)); !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	page, err := st.List(context.Background(), "", "", 1)
	return len(page.KVs) > 0, err
}

// follow writes down which record is the newest until ctx ends.
func (k *keeper) follow(ctx context.Context) {
	if k.mark == "" {
		return
	}
	tick := time.NewTicker(markPace)
	defer tick.Stop()
	before, _ := k.mark.read()
	for seen := k.log.Last(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		// What was there a while ago is on the disk by now.
		if seen != before && k.log.Err() == nil && k.mark.write(seen) == nil {
			before = seen
		}
		seen = k.log.Last()
	}
}
