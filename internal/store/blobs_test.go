package store_test

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/klauspost/compress/zstd"

	"gatehouse/internal/store"
	"gatehouse/internal/store/memstore"
)

// noise returns n bytes that do not compress.
func noise(n int, seed uint64) []byte {
	b := make([]byte, n)
	rng := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), 1})
	_, _ = rng.Read(b) // never fails
	return b
}

// keep stages content and commits what Stage returned.
func keep(t *testing.T, st store.Store, b *store.Blobs, content []byte) (store.Ref, int) {
	t.Helper()
	ref, ops, err := b.Stage(t.Context(), content)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), nil, append(ops, store.Put("/record", []byte(ref)))); err != nil {
		t.Fatal(err)
	}
	return ref, len(ops)
}

func keysBelow(t *testing.T, st store.Store, prefix string) int {
	t.Helper()
	page, err := st.List(t.Context(), prefix, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return len(page.KVs)
}

func TestBlobs(t *testing.T) {
	tests := []struct {
		name    string
		content []byte
		wantOps int // handed to the caller's commit
		again   int // the same when the content exists
		keys    int // stored in the end
	}{
		{"empty", nil, 2, 2, 2},
		{"small", []byte("hello"), 2, 2, 2},
		{"compresses to one chunk", bytes.Repeat([]byte("resource "), 1<<20), 2, 2, 2},
		{"several chunks", noise(2<<20, 1), 1, 0, 6},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			st := memstore.New(memstore.Options{})
			blobs := store.NewBlobs(st, "/blob/")
			ref, ops := keep(t, st, blobs, tt.content)
			if ops != tt.wantOps {
				t.Errorf("Stage returned %d ops, want %d", ops, tt.wantOps)
			}
			got, err := blobs.Get(t.Context(), ref)
			if err != nil || !bytes.Equal(got, tt.content) {
				t.Errorf("Get = %d bytes, %v, want %d", len(got), err, len(tt.content))
			}
			again, ops := keep(t, st, blobs, tt.content)
			if again != ref || ops != tt.again {
				t.Errorf("Stage again = %s with %d ops, want %s with %d", again, ops, ref, tt.again)
			}
			if n := keysBelow(t, st, "/blob/"); n != tt.keys {
				t.Errorf("%d keys stored, want %d", n, tt.keys)
			}
			if _, err := blobs.Below("/other/").Get(t.Context(), ref); !errors.Is(err, store.ErrNotFound) {
				t.Errorf("Get below another prefix = %v, want ErrNotFound", err)
			}
		})
	}
}

// The keys of a blob are known as such, and no others.
func TestOfBlob(t *testing.T) {
	st := memstore.New(memstore.Options{})
	refs := map[string]store.Ref{}
	for name, content := range map[string][]byte{"small": []byte("hello"), "large": noise(2<<20, 1)} {
		refs[name], _ = keep(t, st, store.NewBlobs(st, "/1/eu-west-1/blob/"), content)
	}
	page, err := st.List(t.Context(), "", "", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, kv := range page.KVs {
		if want := kv.Key != "/record"; store.OfBlob(kv.Key) != want {
			t.Errorf("%s is of a blob: %v", kv.Key, !want)
		}
	}
	for _, key := range []string{"/head/x", "/stage/" + string(refs["small"]), "/head/" + string(refs["small"]) + "/x", "/chunk/" + string(refs["small"])} {
		if store.OfBlob(key) {
			t.Errorf("%s is taken for a part of a blob", key)
		}
	}
}

func TestBlobsTooLarge(t *testing.T) {
	blobs := store.NewBlobs(memstore.New(memstore.Options{}), "/blob/")
	if _, _, err := blobs.Stage(t.Context(), make([]byte, store.MaxBlobSize+1)); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("Stage = %v, want ErrTooLarge", err)
	}
}

// A blob whose stored bytes were changed is never returned.
func TestBlobsGetDamaged(t *testing.T) {
	for _, size := range []int{100, 2 << 20} {
		st := memstore.New(memstore.Options{})
		blobs := store.NewBlobs(st, "/blob/")
		ref, _ := keep(t, st, blobs, noise(size, 2))
		other, _ := keep(t, st, blobs, noise(size, 3))
		page, err := st.List(t.Context(), "/blob/chunk/"+string(ref), "", 0)
		if err != nil {
			t.Fatal(err)
		}
		chunk := page.KVs[len(page.KVs)-1]
		flipped := bytes.Clone(chunk.Value)
		flipped[len(flipped)/2] ^= 1
		foreign, err := st.Get(t.Context(), "/blob/chunk/"+string(other)+chunk.Key[len(chunk.Key)-5:])
		if err != nil {
			t.Fatal(err)
		}
		for name, op := range map[string]store.Op{
			"flipped": store.Put(chunk.Key, flipped),
			"cut":     store.Put(chunk.Key, chunk.Value[:len(chunk.Value)/2]),
			"empty":   store.Put(chunk.Key, nil),
			"foreign": store.Put(chunk.Key, foreign.Value),
			"absent":  store.Delete(chunk.Key),
		} {
			if _, err := st.Commit(t.Context(), nil, []store.Op{op}); err != nil {
				t.Fatal(err)
			}
			if got, err := blobs.Get(t.Context(), ref); err == nil {
				t.Errorf("size %d, chunk %s: Get = %d bytes, want an error", size, name, len(got))
			}
		}
	}
}

// A small frame that unfolds to far more than its head says is refused before
// it does.
func TestBlobsGetBomb(t *testing.T) {
	st := memstore.New(memstore.Options{})
	blobs := store.NewBlobs(st, "/blob/")
	var unsized bytes.Buffer // written as a stream, the frame does not tell its size
	enc, err := zstd.NewWriter(&unsized, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 64 {
		if _, err := enc.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	ref, ops, err := blobs.Stage(t.Context(), make([]byte, 1000))
	if err != nil {
		t.Fatal(err)
	}
	sized, _ := keep(t, st, blobs, make([]byte, store.MaxBlobSize))
	sizedChunk, err := st.Get(t.Context(), "/blob/chunk/"+string(sized)+"/0000")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := st.Commit(t.Context(), nil, ops); err != nil {
		t.Fatal(err)
	}
	for name, bomb := range map[string][]byte{"sized": sizedChunk.Value, "unsized": unsized.Bytes()} {
		if _, err := st.Commit(t.Context(), nil, []store.Op{store.Put("/blob/chunk/"+string(ref)+"/0000", bomb)}); err != nil {
			t.Fatal(err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := blobs.Get(t.Context(), ref); err == nil {
			t.Errorf("%s: Get of a blob larger than its head says succeeded", name)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
			t.Errorf("%s: %d bytes of %d allocated %d", name, len(bomb), store.MaxBlobSize, grown)
		}
	}
}

func names(refs ...store.Ref) func(context.Context) (map[store.Ref]struct{}, error) {
	return func(context.Context) (map[store.Ref]struct{}, error) {
		set := make(map[store.Ref]struct{})
		for _, ref := range refs {
			set[ref] = struct{}{}
		}
		return set, nil
	}
}

func TestBlobsSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memstore.New(memstore.Options{})
		blobs := store.NewBlobs(st, "/blob/")
		kept, _ := keep(t, st, blobs, []byte("kept"))
		idle, _ := keep(t, st, blobs, []byte("idle"))
		large, _ := keep(t, st, blobs, noise(2<<20, 4))
		back, _ := keep(t, st, blobs, []byte("named again"))
		staged, _ := keep(t, st, blobs, []byte("staged again"))

		sweep := func(want int, named ...store.Ref) {
			t.Helper()
			n, err := blobs.Sweep(t.Context(), names(named...), 24*time.Hour)
			if err != nil || n != want {
				t.Fatalf("Sweep = %d, %v, want %d", n, err, want)
			}
		}
		sweep(0, kept)
		time.Sleep(23 * time.Hour)
		sweep(0, kept, back)
		keep(t, st, blobs, []byte("staged again"))
		time.Sleep(2 * time.Hour)
		sweep(2, kept)

		for ref, want := range map[store.Ref]bool{kept: true, idle: false, large: false, back: true, staged: true} {
			if _, err := blobs.Get(t.Context(), ref); (err == nil) != want {
				t.Errorf("after the sweep Get(%.8s) = %v, want found %v", ref, err, want)
			}
		}
		if n := keysBelow(t, st, "/blob/"); n != 6 {
			t.Errorf("%d keys left, want 6", n)
		}
	})
}

// A blob staged between the sweep's look at the records and its removals stays,
// whichever comes first.
func TestBlobsSweepWhileStaging(t *testing.T) {
	for _, content := range [][]byte{[]byte("small"), noise(2<<20, 5)} {
		st := memstore.New(memstore.Options{})
		blobs := store.NewBlobs(st, "/blob/")
		ref, _ := keep(t, st, blobs, content)
		if _, err := blobs.Sweep(t.Context(), names(), 0); err != nil { // notes
			t.Fatal(err)
		}
		n, err := blobs.Sweep(t.Context(), func(context.Context) (map[store.Ref]struct{}, error) {
			keep(t, st, blobs, content)
			return nil, nil
		}, 0)
		if err != nil || n != 0 {
			t.Errorf("Sweep = %d, %v, want 0", n, err)
		}
		if _, err := blobs.Get(t.Context(), ref); err != nil {
			t.Errorf("after the sweep: %v", err)
		}

		// The other order: staged, swept away, then committed. Large content
		// relies on time here, small content on nothing.
		if len(content) > store.MaxChunkSize {
			continue
		}
		_, ops, err := blobs.Stage(t.Context(), content)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := blobs.Sweep(t.Context(), names(), 0); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := blobs.Get(t.Context(), ref); !errors.Is(err, store.ErrNotFound) {
			t.Fatalf("Get of a swept blob = %v", err)
		}
		if _, err := st.Commit(t.Context(), nil, ops); err != nil {
			t.Fatal(err)
		}
		if _, err := blobs.Get(t.Context(), ref); err != nil {
			t.Errorf("staged, swept, committed: %v", err)
		}
	}
}

// A blob of more chunks than a commit has operations goes in several commits.
func TestBlobsSweepManyChunks(t *testing.T) {
	st := memstore.New(memstore.Options{})
	blobs := store.NewBlobs(st, "/blob/")
	keep(t, st, blobs, noise(51<<20, 6))
	for _, want := range []int{0, 1} {
		if n, err := blobs.Sweep(t.Context(), names(), 0); err != nil || n != want {
			t.Fatalf("Sweep = %d, %v, want %d", n, err, want)
		}
	}
	if n := keysBelow(t, st, "/blob/"); n != 0 {
		t.Errorf("%d keys left, want 0", n)
	}
}
