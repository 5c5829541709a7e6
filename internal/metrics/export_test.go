package metrics

// Spread makes s as it is after many clashes.
func Spread(s *Series) { s.more.Store(new([moreShards]shard)) }
