package cloudformation

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Records hold templates and properties, which may be larger than a value of the
// store. What is not small is stored compressed: templates shrink to a tenth.

// packOver is the size in bytes from which a record is compressed.
const packOver = 4 << 10

// maxUnpacked bounds what a record may unfold to: two versions of a template with
// what was made of them, and their parameters.
const maxUnpacked = 64 << 20

// A packed is a record as it is stored, if it is not small.
type packed struct {
	Packed []byte `json:"packed"`
}

// packJSON encodes v, which must have no MarshalJSON of its own.
func packJSON(v any) ([]byte, error) {
	plain, err := json.Marshal(v)
	if err != nil || len(plain) <= packOver {
		return plain, err
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return json.Marshal(packed{b.Bytes()})
}

// unpackJSON decodes into v what packJSON returned.
func unpackJSON(data []byte, v any) error {
	if !bytes.HasPrefix(data, []byte(`{"packed":`)) {
		return json.Unmarshal(data, v)
	}
	var p packed
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(p.Packed))
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxUnpacked+1))
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	if len(plain) > maxUnpacked {
		return errors.New("unpack: the record is too large")
	}
	return json.Unmarshal(plain, v)
}

// The types without methods are what json looks at.
type (
	plainStack     stack
	plainResource  resource
	plainChangeSet changeSet
)

// MarshalJSON encodes the record.
func (st stack) MarshalJSON() ([]byte, error) { return packJSON(plainStack(st)) }

// UnmarshalJSON decodes the record.
func (st *stack) UnmarshalJSON(data []byte) error { return unpackJSON(data, (*plainStack)(st)) }

// MarshalJSON encodes the record.
func (r resource) MarshalJSON() ([]byte, error) { return packJSON(plainResource(r)) }

// UnmarshalJSON decodes the record.
func (r *resource) UnmarshalJSON(data []byte) error { return unpackJSON(data, (*plainResource)(r)) }

// MarshalJSON encodes the record.
func (c changeSet) MarshalJSON() ([]byte, error) { return packJSON(plainChangeSet(c)) }

// UnmarshalJSON decodes the record.
func (c *changeSet) UnmarshalJSON(data []byte) error { return unpackJSON(data, (*plainChangeSet)(c)) }
