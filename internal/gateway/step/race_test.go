//go:build race

package step_test

// raceEnabled: pools drop things at random under the race detector, so that
// allocations cannot be counted.
const raceEnabled = true
