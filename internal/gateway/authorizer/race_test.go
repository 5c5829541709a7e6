//go:build race

package authorizer_test

// raceEnabled: pools drop what they hold at random under the race detector.
const raceEnabled = true
