package boltstore

import bolt "go.etcd.io/bbolt"

// FailSync does what a commit does whose pages were written but not synced.
func (s *Store) FailSync(err error) error { return s.afterFailure(s.hub.durable-1, err) }

// FailWrite does what a commit does whose pages were not written.
func (s *Store) FailWrite(err error) error { return s.afterFailure(s.hub.durable, err) }

// HoldBack puts the store in the moment in which the newest commit is written
// but not synced; release ends it.
func (s *Store) HoldBack() (release func()) {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	recent := s.hub.recent
	s.hub.durable--
	s.hub.recent = recent[:len(recent)-1]
	return func() { s.hub.publish(recent[len(recent)-1:]) }
}

// Break makes bbolt panic in the next transaction, and returns what repairs it.
func (s *Store) Break() (repair func()) {
	db := s.db
	s.db = nil
	return func() { s.db = db }
}

// Transactions is how many transactions have written to the file.
func (s *Store) Transactions() (n int) {
	_ = s.db.View(func(tx *bolt.Tx) error { n = tx.ID(); return nil }) // the function returns none
	return n
}

// Verify is verify.
func Verify(path string) error { return verify(path) }
