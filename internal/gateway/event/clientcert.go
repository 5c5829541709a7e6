package event

import "gatehouse/internal/gateway"

// appendClientCert appends what the client's certificate says, of which there
// is one.
//
// AWS: authorizers.md §8; the order is that of the guide.
func appendClientCert(dst []byte, x *gateway.Exchange) []byte {
	c := x.Client.Text()
	dst = AppendString(append(dst, `{"clientCertPem":`...), c.PEM)
	dst = AppendString(append(dst, `,"subjectDN":`...), c.Subject)
	dst = AppendString(append(dst, `,"issuerDN":`...), c.Issuer)
	dst = AppendString(append(dst, `,"serialNumber":`...), c.Serial)
	dst = AppendString(append(dst, `,"validity":{"notBefore":`...), c.NotBefore)
	dst = AppendString(append(dst, `,"notAfter":`...), c.NotAfter)
	return append(dst, '}', '}')
}

// appendHTTPClientCert appends it for format 2.0.
//
// AWS: in published events of this format the members are sorted by name.
func appendHTTPClientCert(dst []byte, x *gateway.Exchange) []byte {
	dst = appendSortedCert(append(dst, `,"authentication":{"clientCert":`...), x)
	return append(dst, '}')
}

func appendSortedCert(dst []byte, x *gateway.Exchange) []byte {
	c := x.Client.Text()
	dst = AppendString(append(dst, `{"clientCertPem":`...), c.PEM)
	dst = AppendString(append(dst, `,"issuerDN":`...), c.Issuer)
	dst = AppendString(append(dst, `,"serialNumber":`...), c.Serial)
	dst = AppendString(append(dst, `,"subjectDN":`...), c.Subject)
	dst = AppendString(append(dst, `,"validity":{"notAfter":`...), c.NotAfter)
	dst = AppendString(append(dst, `,"notBefore":`...), c.NotBefore)
	return append(dst, '}', '}')
}
