package clientcert

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
)

// attributes are the short names of what stands in names (RFC 4514 §3, and the
// other ones that are usual).
var attributes = map[string]string{
	"2.5.4.3": "CN", "2.5.4.4": "SN", "2.5.4.5": "SERIALNUMBER", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.9": "STREET",
	"2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "T", "2.5.4.17": "postalCode", "2.5.4.42": "GN", "2.5.4.46": "dnQualifier",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
}

// name writes a distinguished name.
//
// AWS: an example published with mutual TLS has the parts in the order of the
// certificate, the country first, with a comma and no space between them.
// Undocumented is how special characters are written: as in RFC 4514.
func name(der []byte) string {
	var seq pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &seq); err != nil || len(rest) > 0 {
		return ""
	}
	var b strings.Builder
	for i, set := range seq {
		for j, a := range set {
			switch {
			case j > 0:
				b.WriteByte('+')
			case i > 0:
				b.WriteByte(',')
			}
			id := a.Type.String()
			if short, ok := attributes[id]; ok {
				id = short
			}
			b.WriteString(id)
			b.WriteByte('=')
			escape(&b, fmt.Sprint(a.Value))
		}
	}
	return b.String()
}

// escape writes a value so that no part of it can be taken for another part of
// the name.
func escape(b *strings.Builder, value string) {
	for i, c := range value {
		switch {
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(b, `\%02X`, c)
			continue
		case strings.ContainsRune(`,+"\<>;=`, c), c == '#' && i == 0, c == ' ' && (i == 0 || i == len(value)-1):
			b.WriteByte('\\')
		}
		b.WriteRune(c)
	}
}
