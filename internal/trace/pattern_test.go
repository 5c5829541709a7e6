package trace

import "testing"

// A question mark stands for a character, however many bytes that has.
func TestPatterns(t *testing.T) {
	tests := []struct {
		pattern, text string
		want          bool
	}{
		{"sh?p/prod", "shöp/prod", true},
		{"sh?p*", "shöp/prod", true},
		{"sh??p", "shöp", false},
		{"*?p", "shöp", true},
		{"*??", "ö", false},
		{"?*?", "ö", false},
		{"?*?", "öä", true},
		{"*ö*", "shöp", true},
		{"SHOP", "shop", true},
		{"", "", true},
		{"?", "", false},
	}
	for _, tt := range tests {
		if got := matches(tt.pattern, tt.text); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.text, got, tt.want)
		}
	}
}
