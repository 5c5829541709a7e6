package discovery

// Take takes an answer of a cluster's source in.
func (k *Keeper) Take(cluster string, f Found) { k.found(k.cluster(cluster), &f) }
