//go:build !linux

package function

import (
	"errors"
	"log/slog"
)

// A groups would be a directory of cgroup v2, which only Linux has.
type groups struct{}

func openGroups(dir string, _ int, _ *slog.Logger) (*groups, error) {
	if dir == "" {
		return nil, nil
	}
	return nil, errors.New("cgroup: only Linux has them")
}

// A group would be the cgroup of an instance.
type group struct{}

func (*groups) make(string, int) (*group, error) { return nil, nil }
func (*group) started()                          {}
func (*group) kill()                             {}
func (*group) outOfMemory() bool                 { return false }
func (*group) peak() int                         { return 0 }
func (*group) end()                              {}
