package awsrpc_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"gatehouse/internal/awsrpc"
)

func TestSecretIsHidden(t *testing.T) {
	c := awsrpc.Credential{AccessKey: "AKIA", SecretKey: "hush", SessionToken: "hush"}
	js, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "secret", c.SecretKey, "credential", c)
	for _, text := range []string{fmt.Sprint(c), fmt.Sprintf("%+v %#v %s %q", c, c, c.SecretKey, c.SecretKey), string(js), log.String()} {
		if strings.Contains(text, "hush") {
			t.Errorf("secret shows in %s", text)
		}
	}
	if c.SecretKey.Reveal() != "hush" || !c.SecretKey.Equal("hush") || c.SecretKey.Equal("hush2") {
		t.Error("secret is not itself")
	}
}

func TestRootCredential(t *testing.T) {
	dir := t.TempDir()
	// Many nodes of one data directory may start at once: all get one key.
	got := make([]awsrpc.Credential, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = awsrpc.RootCredential(dir, "123456789012"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, c := range got {
		if c != got[0] {
			t.Error("two callers got different credentials")
		}
	}
	c := got[0]
	if !regexp.MustCompile(`^AKIA[A-Z2-7]{16}$`).MatchString(c.AccessKey) || len(c.SecretKey.Reveal()) != 40 {
		t.Errorf("key = %s, secret of %d characters", c.AccessKey, len(c.SecretKey.Reveal()))
	}
	if c.AccountID != "123456789012" || !c.Root || c.PrincipalARN != "arn:aws:iam::123456789012:root" {
		t.Errorf("credential = %+v", c)
	}
	path := filepath.Join(dir, awsrpc.RootCredentialFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("%d files left in the directory, want 1", len(files))
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := awsrpc.RootCredential(dir, "123456789012"); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a file others can read: %v", err)
	}
}

func TestRootCredentialRefuses(t *testing.T) {
	const key = "aws_access_key_id = AKIAEXAMPLEEXAMPLE00\n"
	const sec = "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"
	tests := []struct {
		name, text, want string
	}{
		{"good", "; own key\n[other]\nregion = x\n[default]\n" + key + sec, ""},
		{"empty", "", "profile default has no aws_access_key_id"},
		{"no profile", key + sec, "profile default has no aws_access_key_id"},
		{"no secret", "[default]\n" + key, "profile default has no aws_access_key_id"},
		{"short secret", "[default]\n" + key + "aws_secret_access_key = x\n", "at least 40 characters"},
		{"unknown key", "[default]\n" + key + sec + "role_arn = x\n", "line 4 has unknown key role_arn"},
		{"no equal sign", "[default]\nAKIA\n", "line 2 is neither"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, awsrpc.RootCredentialFile), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := awsrpc.RootCredential(dir, "123456789012")
			if tt.want == "" {
				if err != nil || c.AccessKey != "AKIAEXAMPLEEXAMPLE00" {
					t.Errorf("got %+v, %v", c, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "wJalr") {
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
	if _, err := awsrpc.RootCredential(t.TempDir(), "12"); err == nil {
		t.Error("account of two digits accepted")
	}
}
