package upstream

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// clusterZeros and releaseZeros are the settings whose zero stands for a default
// that is another one, so that nobody may write it and believe in it. What is in
// lists has a star for each.
var (
	clusterZeros = []string{
		"endpoints.*.weight", "connections", "pending", "connect-timeout",
		"limits.connections", "limits.pending", "limits.requests", "limits.retries",
		"limits.adaptive.min", "limits.adaptive.max", "limits.adaptive.tolerance",
		"health.interval", "health.timeout", "health.fall", "health.rise", "eject.failures", "eject.time", "eject.max-time",
		"eject.success-rate.interval", "eject.success-rate.minimum", "eject.success-rate.endpoints", "eject.success-rate.deviations",
		"breaker.minimum", "breaker.window", "breaker.open", "breaker.probes", "retries.attempts",
	}
	releaseZeros = []string{"canary.interval", "canary.minimum"}
)

// insteadOfZero says for some of them what may have been meant.
var insteadOfZero = map[string]string{
	"endpoints.*.weight": "draining: true", "eject.failures": "-1 for never", "retries.attempts": "-1 for none",
}

// CheckZeros reports the settings of a Definition, read as a map, that are written as zero
// though zero is not what they would be then.
func CheckZeros(definition map[string]any) error { return checkZeros(definition, clusterZeros) }

// CheckReleaseZeros is CheckZeros for a Release.
func CheckReleaseZeros(release map[string]any) error { return checkZeros(release, releaseZeros) }

func checkZeros(given map[string]any, settings []string) error {
	var errs []error
	for _, setting := range settings {
		if !zeroAt(given, strings.Split(setting, ".")) {
			continue
		}
		instead := "another number"
		if text := insteadOfZero[setting]; text != "" {
			instead = text
		}
		errs = append(errs, fmt.Errorf("%s: 0 would stand for the default: leave it out, or write %s", strings.ReplaceAll(setting, ".*", ""), instead))
	}
	return errors.Join(errs...)
}

// zeroAt tells whether there is a zero in v where path leads.
func zeroAt(v any, path []string) bool {
	if len(path) == 0 {
		return isZero(v)
	}
	switch v := v.(type) {
	case map[string]any:
		return zeroAt(v[path[0]], path[1:])
	case []any:
		if path[0] != "*" {
			return false
		}
		for _, one := range v {
			if zeroAt(one, path[1:]) {
				return true
			}
		}
	}
	return false
}

func isZero(v any) bool {
	switch v := v.(type) {
	case int:
		return v == 0
	case float64:
		return v == 0
	case string:
		d, err := time.ParseDuration(v)
		return err == nil && d == 0
	}
	return false
}
