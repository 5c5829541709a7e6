package integration

import (
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"gatehouse/internal/gateway"
	"gatehouse/internal/wire"
)

// pieces is a body that comes in pieces of n bytes.
type pieces struct {
	io.Reader
	closed int
}

func (p *pieces) Trailer() *wire.Header { return nil }
func (p *pieces) Close() error          { p.closed++; return nil }

// FuzzText compares bodies that come in any pieces, and are read in any, with
// the standard library's idea of text.
func FuzzText(f *testing.F) {
	for _, s := range []string{"", "abc", "h\xc3\xa9", "\xc3", "\xff\xfe", "a\xe2\x82", "\xf0\x9f\x98\x80x", strings.Repeat("é\xff", 300)} {
		f.Add([]byte(s), 1, 3, true)
		f.Add([]byte(s), 2, 600, false)
	}
	f.Fuzz(func(t *testing.T, body []byte, here, room int, slow bool) {
		here = min(max(here, 0), len(body))
		var src io.Reader = strings.NewReader(string(body[here:]))
		if slow {
			src = iotest.OneByteReader(src)
		}
		p := &pieces{Reader: src}
		b := wire.Body{Bytes: append([]byte(nil), body[:here]...), Source: p, Length: -1}
		toText(new(gateway.Exchange), &b)
		got := append([]byte(nil), b.Bytes...)
		buf := make([]byte, min(max(room, 1), 5000))
		for {
			n, err := b.Source.Read(buf)
			got = append(got, buf[:n]...)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if want := string([]rune(string(body))); string(got) != want {
			t.Errorf("%q of which %d bytes are here, read %d at a time: %q, want %q", body, here, len(buf), got, want)
		}
		if err := b.Source.Close(); err != nil || p.closed != 1 {
			t.Errorf("closed %d times, %v", p.closed, err)
		}
	})
}

// TestTextJudged: whether a body of known length is rewritten depends on its
// first bytes alone, never on how many of them came with the head.
func TestTextJudged(t *testing.T) {
	tail := strings.Repeat("x", 70_000)
	tests := []struct{ name, body, want string }{
		{"text", "text" + tail, "text" + tail},
		{"binary at the start", "\xff\x89PNG" + tail, "\ufffd\ufffdPNG" + tail},
		{"binary at the last byte judged", tail[:judged-1] + "\xff" + tail, tail[:judged-1] + "\ufffd" + tail},
		{"a character across the end of what is judged", tail[:judged-1] + "é" + tail, tail[:judged-1] + "é" + tail},
		{"binary behind it", tail[:judged] + "\xff" + tail, tail[:judged] + "\xff" + tail},
		{"short", "a\xff", "a\ufffd"},
		{"cut off at the end", "a\xc3", "a\ufffd"},
	}
	for _, tt := range tests {
		for _, here := range []int{0, 1, judged - 1, judged, judged + 1, len(tt.body)} {
			if here > len(tt.body) {
				continue
			}
			b := wire.Body{Bytes: []byte(tt.body[:here]), Length: int64(len(tt.body))}
			if here < len(tt.body) {
				b.Source = &pieces{Reader: iotest.HalfReader(strings.NewReader(tt.body[here:]))}
			}
			toText(new(gateway.Exchange), &b)
			got := string(b.Bytes)
			if b.Source != nil {
				rest, err := io.ReadAll(b.Source)
				if err != nil {
					t.Fatal(err)
				}
				got += string(rest)
			}
			if got != tt.want {
				t.Errorf("%s, %d bytes here: got %d bytes, want %d", tt.name, here, len(got), len(tt.want))
			}
			if b.Length >= 0 && b.Length != int64(len(got)) {
				t.Errorf("%s, %d bytes here: length %d of %d", tt.name, here, b.Length, len(got))
			}
		}
	}
}

// TestTextTorn: a body that is cut off is never taken for whole.
func TestTextTorn(t *testing.T) {
	for _, start := range []string{"text", "\xff", "\xc3"} {
		p := &pieces{Reader: io.MultiReader(strings.NewReader(start), iotest.ErrReader(wire.ErrTorn))}
		b := wire.Body{Source: p, Length: -1}
		toText(new(gateway.Exchange), &b)
		if _, err := io.ReadAll(b.Source); err != wire.ErrTorn {
			t.Errorf("%q, then torn: error %v, want ErrTorn", start, err)
		}
		_ = b.Source.Close()
	}
}

func TestBinaryTypes(t *testing.T) {
	tests := []struct {
		list, contentType string
		want              bool
	}{
		{"", "image/png", false},
		{"image/png", "image/png", true},
		{"image/png", "Image/PNG; q=1", true},
		{"image/png", "image/pngx", false},
		{"image/*", "image/webp", true},
		{"image/*", "imagex/webp", false},
		{"*/png", "image/png", true},
		{"*/*", "anything", true},
		{"*/*", "", true},
		{"application/json", "", true},
		{"a/b,image/png", "image/png", true},
	}
	for _, tt := range tests {
		var list []string
		if tt.list != "" {
			list = strings.Split(tt.list, ",")
		}
		if got := NewBinaryTypes(list).Match(tt.contentType); got != tt.want {
			t.Errorf("%q in %q = %v, want %v", tt.contentType, tt.list, got, tt.want)
		}
	}
	if (*BinaryTypes)(nil).Match("image/png") {
		t.Error("no list: everything is text")
	}
}
