package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Bounds of one blob.
const (
	// MaxBlobSize bounds the plain content of a blob. The largest definition
	// AWS lets anyone import has 6 MB; who stages more gets ErrTooLarge.
	MaxBlobSize = 64 << 20

	// MaxChunkSize bounds one stored piece of a blob, so that two of them with
	// the record that names them never exceed what a commit may hold.
	MaxChunkSize = 512 << 10
)

// A Ref names a blob: the SHA-256 of its plain content in hexadecimal.
type Ref string

// Blobs holds immutable values that may be larger than one commit: compressed,
// cut into chunks, addressed by their content. Identical content is stored
// once. A blob is kept as long as a record names it; those that none names any
// more are taken away by [Blobs.Sweep].
//
// Blobs are made rarely and copied never: [Blobs.Below] gives the same for
// another prefix at no cost.
type Blobs struct {
	st     Store
	prefix string
	codec  *codec
}

// A blobHead describes a blob. Its record is put, and so gets a new revision,
// whenever the blob is staged; Sweep removes a blob only at the revision it
// judged.
type blobHead struct {
	Size     int       // of the plain content
	Chunks   int       // stored under this blob's chunk keys
	Complete bool      // all chunks are there
	Idle     time.Time `json:",omitzero"` // since when a sweep has found it unnamed
}

// NewBlobs returns the blobs below prefix, which is best made with [Prefix].
func NewBlobs(st Store, prefix string) *Blobs {
	return &Blobs{st: st, prefix: prefix, codec: &codec{}}
}

// Below returns the blobs below another prefix.
func (b *Blobs) Below(prefix string) *Blobs {
	return &Blobs{st: b.st, prefix: prefix, codec: b.codec}
}

// Stage makes content ready to be named by a record. The operations it returns
// must go into the same commit as that record; the blob exists once that
// commit succeeded.
//
// Content that compresses to one chunk is returned whole as operations of that
// size and nothing is written before, even if it exists already: putting it
// again is what keeps a concurrent sweep from taking it away. Larger content
// is written chunk by chunk before Stage returns, and is safe from sweeps that
// allow unnamed blobs more time than passes until the commit.
//
// A record that takes over the ref of another record (a deployment that
// freezes the definition of its API) needs no staging, if the same commit
// demands that the other record is unchanged.
func (b *Blobs) Stage(ctx context.Context, content []byte) (Ref, []Op, error) {
	if len(content) > MaxBlobSize {
		return "", nil, fmt.Errorf("blob of %d bytes, limit %d: %w", len(content), MaxBlobSize, ErrTooLarge)
	}
	sum := sha256.Sum256(content)
	ref := Ref(hex.EncodeToString(sum[:]))
	packed, err := b.codec.pack(content)
	if err != nil {
		return "", nil, fmt.Errorf("stage blob %s: %w", ref, err)
	}
	head := blobHead{Size: len(content), Chunks: max(1, (len(packed)+MaxChunkSize-1)/MaxChunkSize), Complete: true}
	put, err := b.heads().Put(string(ref), head)
	if err != nil {
		return "", nil, err
	}
	if head.Chunks == 1 {
		return ref, []Op{put, Put(b.chunkKey(ref, 0), packed)}, nil
	}
	exists, err := b.touch(ctx, ref)
	if err == nil && !exists {
		err = b.writeChunks(ctx, ref, head, packed)
	}
	if err != nil {
		return "", nil, fmt.Errorf("stage blob %s: %w", ref, err)
	}
	if exists {
		return ref, nil, nil
	}
	return ref, []Op{put}, nil
}

// touch tells whether a large blob is there already, and if so takes it back
// from any sweep that is about to remove it.
func (b *Blobs) touch(ctx context.Context, ref Ref) (bool, error) {
	for {
		head, rev, err := b.heads().Get(ctx, string(ref))
		if errors.Is(err, ErrNotFound) || err == nil && !head.Complete {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		head.Idle = time.Time{}
		put, err := b.heads().Put(string(ref), head)
		if err != nil {
			return false, err
		}
		_, err = b.st.Commit(ctx, []Cond{b.heads().Is(string(ref), rev)}, []Op{put})
		if !errors.Is(err, ErrConflict) {
			return err == nil, err
		}
	}
}

// writeChunks writes all of a large blob but its completed head. The head goes
// first, incomplete: should we end midway, the next sweep knows what is here.
func (b *Blobs) writeChunks(ctx context.Context, ref Ref, head blobHead, packed []byte) error {
	head.Complete = false
	put, err := b.heads().Put(string(ref), head)
	if err != nil {
		return err
	}
	if _, err := b.st.Commit(ctx, nil, []Op{put}); err != nil {
		return err
	}
	for i := range head.Chunks {
		chunk := packed[i*MaxChunkSize : min(len(packed), (i+1)*MaxChunkSize)]
		if _, err := b.st.Commit(ctx, nil, []Op{Put(b.chunkKey(ref, i), chunk)}); err != nil {
			return err
		}
	}
	return nil
}

// Get returns the content of a blob, verified against its ref, or ErrNotFound.
func (b *Blobs) Get(ctx context.Context, ref Ref) ([]byte, error) {
	head, _, err := b.heads().Get(ctx, string(ref))
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", ref, err)
	}
	if !head.Complete {
		return nil, fmt.Errorf("blob %s is not complete: %w", ref, ErrNotFound)
	}
	if head.Size < 0 || head.Size > MaxBlobSize {
		return nil, fmt.Errorf("blob %s claims %d bytes, limit %d", ref, head.Size, MaxBlobSize)
	}
	var packed []byte
	for i := range head.Chunks {
		kv, err := b.st.Get(ctx, b.chunkKey(ref, i))
		if err != nil {
			return nil, fmt.Errorf("blob %s: %w", ref, err)
		}
		if i == 0 {
			packed = kv.Value
			continue
		}
		packed = append(packed, kv.Value...)
	}
	content, err := b.codec.unpack(packed, head.Size)
	if err != nil {
		return nil, fmt.Errorf("blob %s: %w", ref, err)
	}
	if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != string(ref) {
		return nil, fmt.Errorf("blob %s: its content has the hash %x", ref, sum)
	}
	return content, nil
}

// blobKey is the form of the keys that blobs are kept under.
var blobKey = regexp.MustCompile(`/(head/[0-9a-f]{64}|chunk/[0-9a-f]{64}/[0-9]{4,})$`)

// OfBlob tells whether a key is a part of a blob. Who takes back what a commit did
// leaves those: another record may name the same content by now, and a sweep takes
// away what none does.
func OfBlob(key string) bool { return blobKey.MatchString(key) }

// heads is the table of blob heads.
func (b *Blobs) heads() Table[blobHead] { return NewTable[blobHead](b.st, b.prefix+"head/") }

// chunkKey is the key of chunk i of a blob.
func (b *Blobs) chunkKey(ref Ref, i int) string {
	return fmt.Sprintf("%schunk/%s/%04d", b.prefix, ref, i)
}

// A codec compresses and decompresses. Its coders are made at first use, for
// they are large, and are shared by all blobs of a store.
type codec struct {
	mu  sync.Mutex // guards the fields below; one blob at a time keeps memory bounded
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// pack compresses content.
func (c *codec) pack(content []byte) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.enc == nil {
		enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true),
			zstd.WithWindowSize(1<<20), zstd.WithZeroFrames(true))
		if err != nil {
			return nil, err
		}
		c.enc = enc
	}
	return c.enc.EncodeAll(content, nil), nil
}

// unpack decompresses packed, which must yield size bytes exactly.
func (c *codec) unpack(packed []byte, size int) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dec == nil {
		dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(MaxBlobSize),
			zstd.WithDecodeAllCapLimit(true)) // never more than size, whatever the frame unfolds to
		if err != nil {
			return nil, err
		}
		c.dec = dec
	}
	content, err := c.dec.DecodeAll(packed, make([]byte, 0, size))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	if len(content) != size {
		return nil, fmt.Errorf("decompress: %d bytes, want %d", len(content), size)
	}
	return content, nil
}
