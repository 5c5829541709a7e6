package awsrpc

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/internal/arn"
)

// RootCredentialFile is the name of the root credential in the data directory.
const RootCredentialFile = "root-credential"

// maxCredentialFile bounds what is read of a credential file.
const maxCredentialFile = 64 << 10

// RootCredential returns the root credential of account that is kept in dir,
// and makes it if there is none. The file has the form of the AWS tools'
// credential files: AWS_SHARED_CREDENTIALS_FILE may name it. A file that others
// can read is refused.
func RootCredential(dir, account string) (Credential, error) {
	path := filepath.Join(dir, RootCredentialFile)
	if !arn.ValidAccount(account) {
		return Credential{}, fmt.Errorf("account %q is not twelve digits", account)
	}
	text, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		text = newCredential()
		err = writePrivate(path, text)
		if errors.Is(err, fs.ErrExist) { // somebody else was faster
			text, err = readPrivate(path)
		}
	}
	if err != nil {
		return Credential{}, fmt.Errorf("root credential: %w", err)
	}
	c, err := parseCredential(text)
	if err != nil {
		return Credential{}, fmt.Errorf("root credential: %s: %w", path, err)
	}
	c.AccountID, c.Root = account, true
	c.PrincipalARN, c.UserID = rootARN(account, ""), account
	return c, nil
}

// PrivateKey returns the random key of size bytes that a file of dir holds, and
// makes both the first time.
func PrivateKey(dir, name string, size int) ([]byte, error) {
	path := filepath.Join(dir, name)
	text, err := readPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		key := make([]byte, size)
		_, _ = rand.Read(key) // never fails
		text = []byte(hex.EncodeToString(key) + "\n")
		err = writePrivate(path, text)
		if errors.Is(err, fs.ErrExist) { // somebody else was faster
			text, err = readPrivate(path)
		}
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != size {
		return nil, fmt.Errorf("%s does not hold a key of %d bytes: put back a copy of it", path, size)
	}
	return key, nil
}

func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if perm := info.Mode().Perm(); perm&0o077 != 0 {
		return nil, fmt.Errorf("%s can be read or changed by others (mode %04o): run chmod 600 %s, or delete it to get a new key", path, perm, path)
	}
	return io.ReadAll(io.LimitReader(f, maxCredentialFile))
}

// newCredential returns the text of a credential with a random key.
func newCredential() []byte {
	const alnum = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" // AWS: access key ids are base 32
	const base64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	return fmt.Appendf(nil, `# The root credential of this Gatehouse: whoever has it may do everything.
# Use it with the AWS tools: AWS_SHARED_CREDENTIALS_FILE=<this file> aws ...
[default]
aws_access_key_id = AKIA%s
aws_secret_access_key = %s
`, random(alnum, 16), random(base64, 40))
}

// random returns n characters of set, whose size divides 256.
func random(set string, n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	for i := range b {
		b[i] = set[int(b[i])%len(set)]
	}
	return string(b)
}

// writePrivate makes the file whole or not at all, and never over another.
func writePrivate(path string, text []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, RootCredentialFile+".tmp*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// parseCredential reads the default profile of a credential file.
func parseCredential(text []byte) (Credential, error) {
	var c Credential
	section := ""
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		switch {
		case line == "" || line[0] == '#' || line[0] == ';':
			continue
		case line[0] == '[' && line[len(line)-1] == ']':
			section = strings.TrimSpace(line[1 : len(line)-1])
			continue
		}
		k, v, ok := strings.Cut(line, "=")
		if !ok {
			return c, fmt.Errorf("line %d is neither [section] nor key = value", n)
		}
		if section != "default" {
			continue
		}
		switch k, v = strings.TrimSpace(k), strings.TrimSpace(v); k {
		case "aws_access_key_id":
			c.AccessKey = v
		case "aws_secret_access_key":
			c.SecretKey = Secret(v)
		default:
			return c, fmt.Errorf("line %d has unknown key %s", n, k)
		}
	}
	if err := lines.Err(); err != nil {
		return c, err
	}
	if len(c.AccessKey) < 16 || strings.ContainsAny(c.AccessKey, "/, \t") || len(c.SecretKey) < 40 {
		return c, errors.New("profile default has no aws_access_key_id of at least 16 and aws_secret_access_key of at least 40 characters")
	}
	return c, nil
}
