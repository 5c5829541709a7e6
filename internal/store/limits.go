package store

import "fmt"

// CheckKey tells whether key may be stored: not empty, not beyond MaxKeySize.
func CheckKey(key string) error {
	if key == "" {
		return fmt.Errorf("key is empty")
	}
	if len(key) > MaxKeySize {
		return fmt.Errorf("key of %d bytes, limit %d: %w", len(key), MaxKeySize, ErrTooLarge)
	}
	return nil
}

// CheckCommit tells whether a commit is well formed and within the limits. It
// is the first thing every implementation of Store does in Commit, so that all
// of them refuse the same.
func CheckCommit(ifs []Cond, ops []Op) error {
	if len(ifs) > MaxConds {
		return fmt.Errorf("%d conditions, limit %d: %w", len(ifs), MaxConds, ErrTooLarge)
	}
	if len(ops) > MaxOps {
		return fmt.Errorf("%d operations, limit %d: %w", len(ops), MaxOps, ErrTooLarge)
	}
	size := 0
	for _, c := range ifs {
		if err := CheckKey(c.Key); err != nil {
			return fmt.Errorf("condition: %w", err)
		}
		size += len(c.Key)
	}
	seen := make(map[string]struct{}, len(ops))
	for _, op := range ops {
		if err := CheckKey(op.Key); err != nil {
			return fmt.Errorf("operation: %w", err)
		}
		if _, twice := seen[op.Key]; twice {
			return fmt.Errorf("key %q stands in one commit twice", op.Key)
		}
		seen[op.Key] = struct{}{}
		if op.Delete {
			size += len(op.Key)
			continue
		}
		if len(op.Value) > MaxValueSize {
			return fmt.Errorf("value of %d bytes for %q, limit %d: %w", len(op.Value), op.Key, MaxValueSize, ErrTooLarge)
		}
		size += len(op.Key) + len(op.Value)
	}
	if size > MaxCommitSize {
		return fmt.Errorf("commit of %d bytes, limit %d: %w", size, MaxCommitSize, ErrTooLarge)
	}
	return nil
}
