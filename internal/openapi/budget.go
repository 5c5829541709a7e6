package openapi

// A budget bounds what an import makes of its document. A reference costs a
// few bytes and may stand for megabytes: a shared response, a long base path,
// a YAML alias. What is repeated is charged each time.
type budget struct {
	nodes, bytes int
}

// maxText bounds the text of a document and of everything repeated, and that of the models.
const maxText = 32 << 20

// spend takes from the budget.
func (b *budget) spend(nodes, bytes int) {
	b.nodes += nodes
	b.bytes += bytes
}

// check returns an error if more was spent than there was.
func (b *budget) check() error {
	switch {
	case b.nodes > maxNodes:
		return errTooMany
	case b.bytes > maxText:
		return errTooMuch
	}
	return nil
}

// exceeded reports whether more was spent than there was.
func (b *budget) exceeded() bool { return b.check() != nil }

// A weight is what a node and all below it cost.
type weight struct{ nodes, bytes int }

// charge pays for using n once more. Weights are kept: the same few nodes are
// repeated, and walking one again and again would be the attack itself.
func (im *importer) charge(n *node) {
	w := im.weigh(n)
	im.spend(w.nodes, w.bytes)
}

func (im *importer) weigh(n *node) weight {
	if n == nil {
		return weight{}
	}
	if w, ok := im.weights[n]; ok {
		return w
	}
	w := weight{1, len(n.text)}
	for _, k := range n.keys {
		w.bytes += len(k)
	}
	for _, v := range n.items {
		below := im.weigh(v)
		w.nodes += below.nodes
		w.bytes += below.bytes
	}
	if len(n.items) > 0 {
		im.weights[n] = w
	}
	return w
}
