package sigv4

import (
	"crypto/sha1" //nolint:gosec // a checksum that clients choose
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"hash/crc64"
)

// crc64NVME is the polynomial of that name, its bits in reverse.
const crc64NVME = 0x9a6c9329ac4bc9b5

// Checksum returns what the header called name, in lower case, says of a payload; known is
// false if it says nothing, or by an algorithm that is not known.
//
// AWS: "Checking object integrity", Amazon S3 User Guide.
func Checksum(name string, payload []byte) (sum string, known bool) {
	var b []byte
	switch name {
	case "x-amz-checksum-crc32":
		b = binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(payload))
	case "x-amz-checksum-crc32c":
		b = binary.BigEndian.AppendUint32(nil, crc32.Checksum(payload, crc32.MakeTable(crc32.Castagnoli)))
	case "x-amz-checksum-crc64nvme":
		b = binary.BigEndian.AppendUint64(nil, crc64.Checksum(payload, crc64.MakeTable(crc64NVME)))
	case "x-amz-checksum-sha1":
		h := sha1.Sum(payload)
		b = h[:]
	case "x-amz-checksum-sha256":
		h := sha256.Sum256(payload)
		b = h[:]
	default:
		return "", false
	}
	return base64.StdEncoding.EncodeToString(b), true
}
