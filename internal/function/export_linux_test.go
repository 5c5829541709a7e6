package function

// MakeGroup makes a group below a directory that need not be one of a cgroup.
func MakeGroup(dir, id string, memory int) error {
	gr, err := (&groups{dir: dir, bounded: true}).make(id, memory)
	gr.started()
	return err
}
