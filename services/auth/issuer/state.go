package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// keyFile has the key of an issuer that was given no secret.
const keyFile = "issuer_key.pem"

// State is what the issuer keeps: its key, the secret that lets tools in, and the sessions of browsers. Only its user can read it.
type State struct {
	folder string
	key    *rsa.PrivateKey
	secret []byte
}

// openState gives the key that is computed from the secret and the port; without a secret, both are random and kept in files.
func openState(folder, secret, port string) (*State, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	if err := private(folder); err != nil {
		return nil, err
	}
	state := &State{folder: folder, secret: []byte(secret)}
	var err error
	if secret != "" {
		_ = os.Remove(filepath.Join(folder, keyFile)) // of earlier versions: nobody believes that key any more
		state.key, err = derived(secret, port)
		return state, err
	}
	text, err := state.once(keyFile, newKey)
	if err != nil {
		return nil, err
	}
	if state.key, err = parseKey(text); err != nil {
		return nil, refused{fmt.Sprintf("%s: %v (remove it, and a new one is made)", filepath.Join(folder, keyFile), err)}
	}
	if text, err = state.once("issuer_secret", newSecret); err != nil {
		return nil, err
	}
	if state.secret = bytes.TrimSpace(text); len(state.secret) < 32 {
		return nil, refused{filepath.Join(folder, "issuer_secret") + " is shorter than 32 characters"}
	}
	return state, nil
}

// once reads a file, which is made whole and for its owner alone if there is none; two at once end up with the same.
func (s *State) once(name string, make func() ([]byte, error)) ([]byte, error) {
	path := filepath.Join(s.folder, name)
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		text, err := make()
		if err != nil {
			return nil, err
		}
		fresh, err := s.write(name, text)
		if err != nil {
			return nil, err
		}
		defer os.Remove(fresh)
		if err := os.Link(fresh, path); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
	}
	if err := private(path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// replace puts new content in the place of a file, whole or not at all.
func (s *State) replace(name string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	fresh, err := s.write(name, text)
	if err != nil {
		return err
	}
	return os.Rename(fresh, filepath.Join(s.folder, name))
}

func (s *State) write(name string, text []byte) (string, error) {
	file, err := os.CreateTemp(s.folder, "."+name+".*") // CreateTemp makes files 0600 and by O_EXCL
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Sync()
	}
	return file.Name(), errors.Join(err, file.Close())
}

// private refuses what another account of this machine could read or has put there.
func private(path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return err
	}
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return refused{path + " is a link"}
	case info.Mode().Perm()&0o077 != 0:
		return refused{fmt.Sprintf("%s can be read by others (mode %04o)", path, info.Mode().Perm())}
	}
	if owner, known := info.Sys().(*syscall.Stat_t); known && int(owner.Uid) != os.Getuid() {
		return refused{path + " belongs to another user"}
	}
	return nil
}

func newKey() ([]byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func parseKey(text []byte) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("is no key in PEM form")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	key, isRSA := parsed.(*rsa.PrivateKey)
	if !isRSA || key.N.BitLen() != 2048 || key.E != 65537 {
		return nil, errors.New("is no RSA key of 2048 bits")
	}
	return key, key.Validate()
}

func newSecret() ([]byte, error) { return []byte("iss_" + random()), nil }

func random() string {
	bytes := make([]byte, 32)
	rand.Read(bytes)
	return base64.RawURLEncoding.EncodeToString(bytes)
}
