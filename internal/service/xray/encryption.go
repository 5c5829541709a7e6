package xray

import (
	"context"

	api "gatehouse/internal/awsapi/xray"
)

// Traces are kept as they came: there are no keys to encrypt them with.

func plainConfig() *api.EncryptionConfig {
	return &api.EncryptionConfig{Type: new(api.EncryptionTypeNone), Status: new(api.EncryptionStatusActive)}
}

// GetEncryptionConfig says how traces are encrypted.
func (s *Service) GetEncryptionConfig(context.Context, *api.GetEncryptionConfigInput) (*api.GetEncryptionConfigResponse, error) {
	return &api.GetEncryptionConfigResponse{EncryptionConfig: plainConfig()}, nil
}

// PutEncryptionConfig refuses keys.
func (s *Service) PutEncryptionConfig(_ context.Context, in *api.PutEncryptionConfigInput) (*api.PutEncryptionConfigResponse, error) {
	if *in.Type == api.EncryptionTypeKms {
		return nil, noKMS.refuse()
	}
	if str(in.KeyId) != "" {
		return nil, invalid("KeyId is only for the type KMS")
	}
	return &api.PutEncryptionConfigResponse{EncryptionConfig: plainConfig()}, nil
}
