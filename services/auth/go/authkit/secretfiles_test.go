package authkit

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func environ(pairs ...string) func(string) string {
	found := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		found[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return found[name] }
}

func TestASecretComesFromItsFileWithoutTheLastLineBreak(t *testing.T) {
	for content, want := range map[string]string{"one": "one", "one\n": "one", "one\r\n": "one", "one\n\n": "one\n"} {
		path := filepath.Join(t.TempDir(), "s")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		getenv, err := SecretFiles(environ("A_FILE", path, "B", "other", "SSL_CERT_FILE", "/nowhere"), "A", "B")
		if err != nil || getenv("A") != want || getenv("B") != "other" {
			t.Errorf("%q: %q %v", content, getenv("A"), err)
		}
		if _, err := SecretFiles(environ("A", want, "A_FILE", path), "A"); err != nil {
			t.Errorf("the same value twice: %v", err)
		}
		_, err = SecretFiles(environ("A", "other-value", "A_FILE", path), "A")
		if err == nil || !strings.Contains(err.Error(), "both set, and differ") || strings.Contains(err.Error(), "other-value") {
			t.Errorf("two values: %v", err)
		}
	}
}

func TestAFileThatHoldsNoSecretIsRefused(t *testing.T) {
	for why, make := range map[string]func(string) error{
		"cannot be read: no such file": func(string) error { return nil },
		"is not a file":                func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"cannot be read: too many":     func(path string) error { return os.Symlink(path, path) },
		"is larger than":               func(path string) error { return os.WriteFile(path, make([]byte, largestSecret+1), 0o600) },
		"is empty":                     func(path string) error { return os.WriteFile(path, []byte("\n"), 0o600) },
		"is not UTF-8":                 func(path string) error { return os.WriteFile(path, []byte{0xff, 0xfe}, 0o600) },
	} {
		path := filepath.Join(t.TempDir(), "s")
		if err := make(path); err != nil {
			t.Fatal(err)
		}
		_, err := SecretFiles(environ("A_FILE", path), "A")
		if err == nil || !strings.HasPrefix(err.Error(), "A_FILE: "+path+" ") || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func TestTheKitReadsItsSecretsFromFiles(t *testing.T) {
	path, token := filepath.Join(t.TempDir(), "s"), "svc_"+strings.Repeat("x", 43)
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings, err := Read(environ("APP_ENV", "development", "AUTH_LOCAL_ISSUER", "http://issuer:1", "SERVICE_AUTH_TOKEN_FILE", path), ":1")
	if err != nil || !matches(token, settings.serviceTokens) {
		t.Errorf("%v", err)
	}
}
