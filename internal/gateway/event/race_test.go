//go:build race

package event_test

// raceEnabled: pools drop what they hold at random under the race detector.
const raceEnabled = true
