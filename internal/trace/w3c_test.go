package trace

import "testing"

func TestParseW3C(t *testing.T) {
	const id, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	whole := Header{Root: "1-4bf92f35-77b34da6a3ce929d0e0e4736", Parent: span, Sampled: "1"}
	not := whole
	not.Sampled = "0"
	for value, want := range map[string]Header{
		"00-" + id + "-" + span + "-01":                               whole,
		"00-" + id + "-" + span + "-00":                               not,
		"00-" + id + "-" + span + "-03":                               whole,
		"00-" + id + "-" + span + "-0a":                               not,
		"cc-" + id + "-" + span + "-0b":                               whole, // of a version to come
		"cc-" + id + "-" + span + "-01-what-is-not-known":             whole,
		"00-" + id + "-" + span + "-01-more":                          {},
		"cc-" + id + "-" + span + "-01.more":                          {},
		"ff-" + id + "-" + span + "-01":                               {},
		"00-" + id + "-" + span:                                       {},
		"00-" + id + "-" + span + "-0":                                {},
		"00-" + id + "-" + span + "-0x":                               {},
		"00-4BF92F3577B34DA6A3CE929D0E0E4736-" + span + "-01":         {},
		"00-00000000000000000000000000000000-" + span + "-01":         {},
		"00-" + id + "-0000000000000000-01":                           {},
		"00_" + id + "-" + span + "-01":                               {},
		"":                                                            {},
		"1-5759e988-bd862e3fe1be46a994272793-more-than-fifty-five-01": {},
	} {
		var room [rootSize]byte
		got, ok := ParseW3C(value, &room)
		if got != want || ok != (want != Header{}) {
			t.Errorf("ParseW3C(%q) = %+v, %v; want %+v", value, got, ok, want)
		}
		if ok && !SameTrace(value, got.Root) {
			t.Errorf("%q is not of the trace %s", value, got.Root)
		}
	}
}

func TestFormatW3C(t *testing.T) {
	for _, tt := range []struct{ root, segment, want string }{
		{"1-4bf92f35-77b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
		{"1-4bf92f35-77b34da6a3ce929d0e0e473", "00f067aa0ba902b7", ""},
		{"1-4BF92F35-77b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", ""},
		{"1-00000000-000000000000000000000000", "00f067aa0ba902b7", ""},
		{"whatever a client may call a Root..", "00f067aa0ba902b7", ""},
		{"", "", ""},
	} {
		if got := FormatW3C(tt.root, tt.segment); got != tt.want {
			t.Errorf("FormatW3C(%q, %q) = %q, want %q", tt.root, tt.segment, got, tt.want)
		}
	}
}
