//go:build race

package ingress_test

// raceEnabled: pools drop what they hold at random, so that allocations say
// nothing.
const raceEnabled = true
