package acm

import (
	"io"

	"gatehouse/internal/awsrpc"
)

// An unsupportedID is a row of the table of unsupported settings.
type unsupportedID int

const (
	noAuthority unsupportedID = iota
	noManager
	noAlgorithm
	noExport
	noTransparency
	noMethodOption
	noFilter
	noOrigin
	unsupportedCount
)

// unsupported is what is refused. A row goes when its setting comes to act.
var unsupported = [unsupportedCount]awsrpc.Unsupported{
	noAuthority:    {"RequestCertificate", "CertificateAuthorityArn", "any"},
	noManager:      {"RequestCertificate", "ManagedBy", "any"},
	noAlgorithm:    {"RequestCertificate", "KeyAlgorithm", "RSA_1024"},
	noExport:       {"RequestCertificate", "Options.Export", "ENABLED"},
	noTransparency: {"RequestCertificate", "Options.CertificateTransparencyLoggingPreference", "ENABLED"},
	noMethodOption: {"RequestCertificate", "Options.ValidationMethod", "any"},
	noFilter:       {"ListCertificates", "Includes", "any but keyTypes"},
	noOrigin:       {"ListCertificates", "CertificateKeyPairOrigins", "any"},
}

// refuse is the answer to setting what is not supported.
func (id unsupportedID) refuse() error { return awsrpc.Validation(unsupported[id].Refusal("")) }

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	return awsrpc.WriteUnsupported(w, "acm", "", unsupported[:])
}
