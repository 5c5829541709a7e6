package app

import (
	"os"
	"path/filepath"

	"gatehouse/internal/store/boltstore"
)

// CompactStore makes the store in a data directory, which no server may use,
// as small as it can be. It returns the sizes of the file before and after.
func CompactStore(data string) (before, after int64, err error) {
	path := (&Config{Data: filepath.Clean(data)}).storeFile()
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	if err := boltstore.Compact(path); err != nil {
		return 0, 0, err
	}
	small, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	return info.Size(), small.Size(), nil
}
