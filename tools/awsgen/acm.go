package main

// acmOperations are those of certificates that are imported, or issued by our
// own authority. The others are of ACME, of private authorities and of export.
func acmOperations() []string {
	return []string{
		"AddTagsToCertificate", "DeleteCertificate", "DescribeCertificate", "ExportCertificate", "GetAccountConfiguration", "GetCertificate",
		"ImportCertificate", "ListCertificates", "ListTagsForCertificate", "PutAccountConfiguration", "RemoveTagsFromCertificate",
		"RenewCertificate", "RequestCertificate", "ResendValidationEmail", "RevokeCertificate", "UpdateCertificateOptions",
	}
}

// acmErrors are the errors that these operations answer with.
//
// AWS: the errors sections of the API reference.
func acmErrors() map[string]int {
	all := map[string]int{}
	for _, name := range []string{
		"InvalidArnException", "InvalidArgsException", "InvalidDomainValidationOptionsException", "InvalidParameterException", "InvalidStateException",
		"InvalidTagException", "LimitExceededException", "RequestInProgressException", "ResourceInUseException", "ResourceNotFoundException",
		"TooManyTagsException",
	} {
		all[name] = 400
	}
	return all
}
