package websocket_test

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"gatehouse/internal/websocket"
)

// What the suite has in long series: each case is one line of a group.

// answerOf sends frames, closes, and returns what the server sent.
func answerOf(t *testing.T, limits websocket.Limits, send string) string {
	t.Helper()
	s := start(t, limits)
	go func() { _, _ = io.WriteString(s.nc, send+frame(closed, code(1000, ""))) }() // the server may have closed
	got := strings.Join(s.got(), "|")
	s.nc.Close()
	<-s.done
	return strings.TrimSuffix(strings.TrimSuffix(got, "|end"), "|close 1000")
}

// 6.5 to 6.23: text that is UTF-8, and text that is not. Each comes alone, after
// other text, and in a fragment for each byte.
func TestUTF8(t *testing.T) {
	groups := []struct {
		name  string
		valid bool
		texts []string
	}{
		{"6.7 first of each length", true, []string{"\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"}},
		{"6.8 first of five and six bytes", false, []string{"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"}},
		{"6.9 last of each length", true, []string{"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"}},
		{"6.10 last of four, five and six bytes", false, []string{"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"}},
		{"6.11 at the borders", true, []string{"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf"}},
		{"6.11.5 beyond the border", false, []string{"\xf4\x90\x80\x80"}},
		{"6.12 continuation bytes alone", false, []string{"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", run(0x80, 0xbf, "")}},
		{"6.13 beginnings alone", false, []string{run(0xc0, 0xdf, " "), run(0xe0, 0xef, " "), run(0xf0, 0xf7, " "), run(0xf8, 0xfb, " "), run(0xfc, 0xfd, " ")}},
		{"6.14 last byte missing", false, []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"}},
		{"6.15 all of them", false, []string{"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf\xf7\xbf\xbf"}},
		{"6.16 impossible bytes", false, []string{"\xfe", "\xff", "\xfe\xfe\xff\xff"}},
		{"6.17 overlong", false, []string{"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"}},
		{"6.18 the longest overlong", false, []string{"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"}},
		{"6.19 overlong NUL", false, []string{"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"}},
		{"6.20 single surrogates", false, []string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"}},
		{"6.21 paired surrogates", false, []string{"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf",
			"\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf", "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"}},
		{"6.22 noncharacters", true, noncharacters()},
		{"6.23 replacement characters", true, []string{"\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd"}},
	}
	for _, g := range groups {
		for _, s := range g.texts {
			for _, prefix := range []string{"", kappa} {
				whole, parts := frame(text, prefix+s), pieces(prefix+s)
				for _, send := range []string{whole, parts} {
					want := "close 1007"
					if g.valid {
						want = "text " + prefix + s
					}
					if got := answerOf(t, websocket.Limits{}, send); got != want {
						t.Errorf("%s: %q gets %q, want %q", g.name, prefix+s, got, want)
					}
				}
			}
		}
	}
	// 6.6: every beginning of a text.
	for i := range len(kappa) {
		want := "close 1007"
		if cut := kappa[:i]; strings.ToValidUTF8(cut, "?") == cut {
			want = "text " + cut
		}
		if got := answerOf(t, websocket.Limits{}, frame(text, kappa[:i])); got != want {
			t.Errorf("6.6: %q gets %q, want %q", kappa[:i], got, want)
		}
	}
}

// run is each byte from first to last, with something between.
func run(first, last byte, between string) string {
	var b strings.Builder
	for c := int(first); c <= int(last); c++ {
		b.WriteByte(byte(c))
		b.WriteString(between)
	}
	return b.String()
}

func noncharacters() []string {
	var list []string
	for plane := range rune(17) {
		list = append(list, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return list
}

// pieces is a text in a fragment for each byte.
func pieces(s string) string {
	if s == "" {
		return frame(text, s)
	}
	out := frame(1, s[:1])
	for i := 1; i < len(s); i++ {
		out += frame(more, s[i:i+1])
	}
	return out + frame(last, "")
}

// 3 and 4: every reserved bit on every frame, every opcode that is none.
func TestReserved(t *testing.T) {
	for rsv := byte(0x10); rsv <= 0x70; rsv += 0x10 {
		for _, first := range []byte{text, ping, pong, closed} {
			if got := answerOf(t, websocket.Limits{}, frame(text, "a")+frame(first|rsv, "x")); got != "text a|close 1002" {
				t.Errorf("reserved bits %x of %x: %q", rsv, first, got)
			}
		}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		for _, fin := range []byte{0, last} {
			if got := answerOf(t, websocket.Limits{}, frame(text, "a")+frame(fin|op, "x")+frame(ping, "")); got != "text a|close 1002" {
				t.Errorf("opcode %d: %q", op, got)
			}
		}
	}
}

// 7.7 and 7.9: every code that may be sent is answered, every other is an error.
func TestCloseCodes(t *testing.T) {
	for n := range 5100 {
		if n > 1020 && n%97 != 0 && n != 2999 && n != 3000 && n != 3999 && n != 4000 && n != 4999 && n != 5000 || n > 20 && n < 990 {
			continue
		}
		allowed := n >= 1000 && n <= 1014 && n != 1004 && n != 1005 && n != 1006 || n >= 3000 && n <= 4999
		want := "close 1002"
		if allowed {
			want = fmt.Sprintf("close %d", n)
		}
		s := start(t, websocket.Limits{})
		go func() { _, _ = io.WriteString(s.nc, frame(closed, code(n, ""))) }()
		if got := strings.Join(s.got(), "|"); got != want+"|end" {
			t.Errorf("code %d: %q, want %q", n, got, want)
		}
		s.nc.Close()
		<-s.done
	}
}

// 5.19, 5.20, 9 and 10: large messages, in fragments of all sizes, with pings
// between, where the limits allow it.
func TestLargeMessages(t *testing.T) {
	limits := websocket.Limits{Frame: 4 << 20, Message: 4 << 20}
	for _, size := range []int{127, 65535, 65536, 1 << 20, 4 << 20} {
		whole := strings.Repeat("*", size)
		if got, want := answerOf(t, limits, frame(text, whole)), "text "+short(whole); got != want {
			t.Errorf("%d bytes: %q, want %q", size, got, want)
		}
	}
	const size = 1 << 18
	whole := strings.Repeat("ab", size/2)
	for _, part := range []int{64, 256, 1 << 10, 4 << 10, 1 << 16, size} {
		var send strings.Builder
		for i := 0; i < size; i += part {
			first := byte(more)
			if i == 0 {
				first = 1
			}
			if i+part >= size {
				first |= last
			}
			send.WriteString(frame(first, whole[i:i+part]))
			if i == 0 && part < size {
				send.WriteString(frame(ping, "between"))
			}
		}
		want := "text " + short(whole)
		if part < size {
			want = "pong between|" + want
		}
		if got := answerOf(t, limits, send.String()); got != want {
			t.Errorf("fragments of %d: %q, want %q", part, got, want)
		}
	}
}

// 12 and 13: permessage-deflate, with messages of all sizes, whole and in
// fragments, compressed well, badly and not at all.
func TestDeflate(t *testing.T) {
	words := strings.Fields("every gate has a house and every house a gate that is closed at night")
	for _, size := range []int{0, 16, 64, 255, 256, 1 << 10, 4 << 10, 8 << 10, 16 << 10, 32 << 10, 64 << 10, 100 << 10} {
		var b strings.Builder
		for b.Len() < size {
			b.WriteString(words[rand.IntN(len(words))] + " ")
		}
		message := b.String()[:size]
		for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
			for _, part := range []int{0, 100, 5000} {
				got, err := echoDeflated(t, message, level, part)
				if err != nil || got != message {
					t.Errorf("%d bytes, level %d, fragments of %d: got %d bytes, %v", size, level, part, len(got), err)
				}
			}
		}
	}
}

// echoDeflated sends a message compressed, in fragments of a size, and returns
// what comes back.
func echoDeflated(t *testing.T, message string, level, part int) (string, error) {
	t.Helper()
	var squeezed bytes.Buffer
	w, err := flate.NewWriter(&squeezed, level)
	if err != nil {
		return "", err
	}
	_, _ = io.WriteString(w, message) // into memory
	_ = w.Flush()
	body := strings.TrimSuffix(squeezed.String(), "\x00\x00\xff\xff")
	if part == 0 {
		part = 30 << 10
	}
	send, first := "", byte(0x41)
	for len(body) > part {
		send += frame(first, body[:part])
		body, first = body[part:], more
	}
	send += frame(first|last, body)
	s := startWith(t, &websocket.Config{Limits: websocket.Limits{}, Deflate: true})
	go func() { _, _ = io.WriteString(s.nc, send) }()
	var back bytes.Buffer
	compressed := false
	for {
		head, payload, err := s.frame()
		if err != nil {
			return "", err
		}
		if head&0x0f == 8 {
			return "", fmt.Errorf("closed: %x", payload)
		}
		compressed = compressed || head&0x40 != 0
		back.Write(payload)
		if head&0x80 != 0 {
			break
		}
	}
	s.nc.Close()
	<-s.done
	if !compressed {
		return back.String(), nil
	}
	back.WriteString("\x00\x00\xff\xff\x01\x00\x00\xff\xff")
	text, err := io.ReadAll(flate.NewReader(&back))
	return string(text), err
}
