package acm

import (
	"fmt"
	"io"
	"strings"

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
var unsupported = [unsupportedCount]struct{ of, setting, values string }{
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
func (id unsupportedID) refuse() error {
	u := unsupported[id]
	return awsrpc.Validation("Gatehouse does not support " + u.setting + " (" + u.values + ") of " + u.of + " (see COVERAGE.md)")
}

// WriteUnsupported writes the settings that are refused, as a section of the
// coverage document.
func WriteUnsupported(w io.Writer) error {
	var b strings.Builder
	b.WriteString("\n## Settings of acm that are refused\n\n| of | setting | refused values |\n| --- | --- | --- |\n")
	for _, u := range unsupported {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", u.of, u.setting, u.values)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
