package cloudformation

import (
	"context"
	"slices"
	"strings"

	"gatehouse/internal/awsrpc"
)

// certificateKinds are the certificates that stacks ask for.
func certificateKinds() []*kind {
	return []*kind{{
		Type: "AWS::CertificateManager::Certificate", service: "acm",
		props: "CertificateAuthorityArn! CertificateExport CertificateTransparencyLoggingPreference DomainName! DomainValidationOptions! KeyAlgorithm! " +
			"SubjectAlternativeNames! Tags ValidationMethod!",
		makes: requestCertificate, turns: retagCertificate, reads: readCertificate,
		ends: func(ctx context.Context, w *worker) error {
			_, err := w.call(ctx, "DeleteCertificate", map[string]any{"CertificateArn": w.id})
			return err
		},
	}}
}

// checkCertificate refuses what only Amazon's authorities do.
func checkCertificate(w *worker) error {
	for _, p := range []string{"CertificateExport", "CertificateTransparencyLoggingPreference"} {
		if w.text(p) == "ENABLED" {
			return awsrpc.Validation("Gatehouse does not support the " + p + " ENABLED: its own authority issues the certificate")
		}
	}
	return nil
}

func requestCertificate(ctx context.Context, w *worker) error {
	if err := checkCertificate(w); err != nil {
		return err
	}
	in := only(w.props, "CertificateAuthorityArn", "DomainName", "KeyAlgorithm", "SubjectAlternativeNames", "Tags", "ValidationMethod")
	var options []any
	for _, o := range items(w.props["DomainValidationOptions"]) {
		// AWS: the other member, HostedZoneId, has CloudFormation make the records
		// that prove the domain. Nobody asks for a proof here.
		if by, has := asMembers(o)["ValidationDomain"]; has {
			options = append(options, map[string]any{"DomainName": asMembers(o)["DomainName"], "ValidationDomain": by})
		}
	}
	if options != nil {
		in["DomainValidationOptions"] = options
	}
	out, err := w.call(ctx, "RequestCertificate", in)
	if err != nil {
		return err
	}
	w.id, _ = textOf(out["CertificateArn"])
	return nil
}

// retagCertificate gives a certificate the tags of the template: all else of it
// never changes.
func retagCertificate(ctx context.Context, w *worker) error {
	if err := checkCertificate(w); err != nil {
		return err
	}
	return retagByPairs(ctx, w, "AddTagsToCertificate", "RemoveTagsFromCertificate", "Tags", map[string]any{"CertificateArn": w.id})
}

// readCertificate reads what a certificate is. ACM writes algorithms otherwise than
// it takes them, and names the domain among the others, too.
func readCertificate(ctx context.Context, w *worker) (map[string]any, error) {
	out, err := w.call(ctx, "DescribeCertificate", map[string]any{"CertificateArn": w.id})
	if err != nil {
		return nil, err
	}
	found := asMembers(out["Certificate"])
	is := w.inTemplateForm(found)
	algorithm, _ := textOf(found["KeyAlgorithm"])
	is["KeyAlgorithm"] = strings.ReplaceAll(algorithm, "-", "_")
	domain, _ := textOf(found["DomainName"])
	if !set(w.props["SubjectAlternativeNames"])[domain] {
		is["SubjectAlternativeNames"] = slices.DeleteFunc(slices.Clone(asItems(found["SubjectAlternativeNames"])), func(name any) bool { return name == domain })
	}
	options := asMembers(found["Options"])
	is["CertificateExport"], is["CertificateTransparencyLoggingPreference"] = options["Export"], options["CertificateTransparencyLoggingPreference"]
	if _, stated := w.props["Tags"]; stated {
		out, err := w.call(ctx, "ListTagsForCertificate", map[string]any{"CertificateArn": w.id})
		if err != nil {
			return nil, err
		}
		is["Tags"] = listedTags(out["Tags"])
	}
	return is, nil
}
