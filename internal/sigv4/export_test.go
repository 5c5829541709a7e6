package sigv4

// DeriveKey is deriveKey, for tests that sign.
var DeriveKey = deriveKey
