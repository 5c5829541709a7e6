package wire

// Chunked decodes a chunked body. It is a state machine over byte slices: feed
// it what arrives. Its zero value is ready for a new body.
//
// Chunk extensions are refused: nobody uses them but to make two readers
// disagree.
type Chunked struct {
	state   chunkState
	digits  uint8
	left    int64  // of the present chunk
	trailer []byte // the trailer section so far, its last CRLF included
	fields  Header
}

type chunkState uint8

const (
	chunkSize chunkState = iota
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	chunkTrailer
	chunkDone
)

// maxChunkDigits bounds a chunk's size line: 15 hexadecimal digits are more
// than any body, and cannot overflow.
const maxChunkDigits = 15

// Bounds of a trailer section.
const (
	maxTrailer       = 8 << 10
	maxTrailerFields = 64
)

// Reset makes c ready for another body.
func (c *Chunked) Reset() {
	c.fields.Reset()
	trailer := c.trailer[:0]
	*c = Chunked{fields: c.fields, trailer: trailer}
}

// Done says whether the whole body, with its trailer section, was decoded.
func (c *Chunked) Done() bool { return c.state == chunkDone }

// Trailer returns the trailer section, once Done. Its strings are valid until
// Reset.
func (c *Chunked) Trailer() *Header { return &c.fields }

// Decode decodes from src into dst, as much as both allow, and returns how far
// it came in each. dst may begin where src begins. Once Done it takes nothing
// more.
func (c *Chunked) Decode(dst, src []byte) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		switch c.state {
		case chunkData:
			n := int64(min(len(dst)-nDst, len(src)-nSrc))
			if n == 0 {
				return nDst, nSrc, nil
			}
			n = min(n, c.left)
			copy(dst[nDst:], src[nSrc:nSrc+int(n)])
			nDst += int(n)
			nSrc += int(n)
			if c.left -= n; c.left == 0 {
				c.state = chunkDataCR
			}
		case chunkTrailer:
			n, err := c.takeTrailer(src[nSrc:])
			return nDst, nSrc + n, err
		case chunkDone:
			return nDst, nSrc, nil
		default:
			if err := c.step(src[nSrc]); err != nil {
				return nDst, nSrc, err
			}
			nSrc++
		}
	}
	return nDst, nSrc, nil
}

// step takes one byte of the framing between chunks.
func (c *Chunked) step(b byte) error {
	switch c.state {
	case chunkSize:
		return c.stepSize(b)
	case chunkSizeLF:
		if b != '\n' {
			return errBareCR
		}
		c.digits = 0
		c.state = chunkData
		if c.left == 0 {
			c.state = chunkTrailer
		}
	case chunkDataCR:
		if b != '\r' {
			return errChunkEnd
		}
		c.state = chunkDataLF
	case chunkDataLF:
		if b != '\n' {
			return errChunkEnd
		}
		c.state = chunkSize
	}
	return nil
}

func (c *Chunked) stepSize(b byte) error {
	var digit byte
	switch {
	case b >= '0' && b <= '9':
		digit = b - '0'
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		digit = b | 0x20 - 'a' + 10
	case b == '\r' && c.digits > 0:
		c.state = chunkSizeLF
		return nil
	case b == ';' && c.digits > 0:
		return errChunkExtension
	case b == '\n':
		return errBareLF
	default:
		return errChunkSize
	}
	if c.digits++; c.digits > maxChunkDigits {
		return errChunkSize
	}
	c.left = c.left<<4 | int64(digit)
	return nil
}

// takeTrailer collects the trailer section line by line, and reads it when its
// empty line is there.
func (c *Chunked) takeTrailer(src []byte) (int, error) {
	if len(c.trailer) == 0 && len(src) >= 2 && src[0] == '\r' && src[1] == '\n' {
		c.state = chunkDone
		return 2, nil
	}
	for i, b := range src {
		c.trailer = append(c.trailer, b)
		if b != '\n' {
			if len(c.trailer) > maxTrailer {
				return i, errTrailerLong
			}
			continue
		}
		c.fields.Reset()
		var f framing
		n, err := parseFields(c.trailer, 0, maxTrailerFields, &c.fields, &f)
		if err != nil {
			return i, err
		}
		if n == 0 {
			continue
		}
		c.state = chunkDone
		return i + 1, c.checkTrailer()
	}
	return len(src), nil
}

// checkTrailer refuses fields that would steer the message after the fact
// (RFC 9110, 6.5.1).
func (c *Chunked) checkTrailer() error {
	for i := range c.fields.Fields {
		switch id := c.fields.Fields[i].ID; id {
		case HeaderHost, HeaderContentLength, HeaderTransferEncoding, HeaderConnection, HeaderExpect,
			HeaderAuthorization, HeaderContentType, HeaderContentEncoding, HeaderTrailer, HeaderTE,
			HeaderUpgrade, HeaderKeepAlive, HeaderProxyConnection:
			return errTrailer
		}
	}
	return nil
}
