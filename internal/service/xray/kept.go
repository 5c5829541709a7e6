package xray

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"gatehouse/internal/journal"
	"gatehouse/internal/record"
)

// mostRegions bounds the Regions, each of one account, whose traces are kept: who
// sends segments names any.
const mostRegions = 1000

// errRegions says that a Region is one too many.
var errRegions = fmt.Errorf("traces are kept of %d Regions at most", mostRegions)

// kept are the journals of the Regions that have traces. The zero value has none.
type kept struct {
	mu       sync.RWMutex // guards the field below
	journals map[record.Scope]*journal.Journal
}

// of is the journal of a Region, or nil: it has no traces.
func (k *kept) of(scope record.Scope) *journal.Journal {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.journals[scope]
}

// journal returns what the traces of a Region are written to.
func (s *Service) journal(scope record.Scope) (*journal.Journal, error) {
	if j := s.kept.of(scope); j != nil {
		return j, nil
	}
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	if j := s.kept.journals[scope]; j != nil {
		return j, nil
	}
	if len(s.kept.journals) >= mostRegions {
		return nil, errRegions
	}
	return s.openLocked(scope)
}

func (s *Service) openLocked(scope record.Scope) (*journal.Journal, error) {
	j, err := s.set.Open(journalName(scope))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	j.SetMaxAge(retention)
	if s.kept.journals == nil {
		s.kept.journals = map[record.Scope]*journal.Journal{}
	}
	s.kept.journals[scope] = j
	return j, nil
}

func journalName(scope record.Scope) string { return filepath.Join(scope.Account, scope.Region) }

// openAll opens what there is from earlier runs, so that it is bounded too, and
// removes what has become empty.
func (s *Service) openAll() error {
	accounts, err := os.ReadDir(s.opt.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("traces: %w", err)
	}
	for _, account := range accounts {
		if !account.IsDir() {
			continue
		}
		regions, err := os.ReadDir(filepath.Join(s.opt.Dir, account.Name()))
		if err != nil {
			return fmt.Errorf("traces: %w", err)
		}
		for _, region := range regions {
			if !region.IsDir() {
				continue
			}
			scope := record.Scope{Account: account.Name(), Region: region.Name()}
			if err := s.reopen(scope); err != nil {
				return err
			}
		}
	}
	return nil
}

// reopen opens the journal of a Region, or removes it if nothing is left in it.
func (s *Service) reopen(scope record.Scope) error {
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	if s.kept.journals[scope] != nil { // it is written to already
		return nil
	}
	j, err := s.openLocked(scope)
	if err != nil || !j.Empty() {
		return err
	}
	delete(s.kept.journals, scope)
	return s.set.Remove(journalName(scope))
}
