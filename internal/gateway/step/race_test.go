//go:build race

package step_test

// raceEnabled: under the race detector a sync.Pool loses things on purpose.
const raceEnabled = true
