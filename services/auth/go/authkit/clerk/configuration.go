// Package clerk is all that is Clerk's: its keys and the shape of its tokens. Another provider replaces this folder.
package clerk

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"regexp"
	"strings"
)

var (
	publishableForm = regexp.MustCompile(`^pk_(?:test|live)_([A-Za-z0-9+/_-]+)={0,2}$`)
	issuerForm      = regexp.MustCompile(`^https://[a-z0-9-]+(\.[a-z0-9-]+)+$`)

	// OriginForm is the form of an authorized party.
	OriginForm = regexp.MustCompile(`^https?://[a-z0-9.-]+(:[0-9]{1,5})?$`)
)

// Instance is one Clerk instance: its keys come from Key, else from JwksURL.
type Instance struct {
	Issuer  string
	JwksURL string
	Key     *rsa.PublicKey
}

// Read finds the instance that is configured: nil if none is, an error for half a configuration.
func Read(getenv func(string) string) (*Instance, error) {
	publishable, secret := getenv("CLERK_PUBLISHABLE_KEY"), getenv("CLERK_SECRET_KEY")
	key, issuer := getenv("CLERK_JWT_KEY"), getenv("CLERK_ISSUER")
	if publishable+secret+key+issuer == "" {
		return nil, nil
	}
	switch {
	case publishable != "":
		named := IssuerOf(publishable)
		if named == "" {
			return nil, errors.New("CLERK_PUBLISHABLE_KEY is no publishable key (pk_test_… or pk_live_…)")
		}
		if secret != "" && !strings.HasPrefix(secret, "sk"+publishable[2:8]) {
			return nil, errors.New("CLERK_SECRET_KEY is not of the same kind of instance as CLERK_PUBLISHABLE_KEY")
		}
		if issuer != "" && issuer != named {
			return nil, errors.New("CLERK_ISSUER is not the instance of CLERK_PUBLISHABLE_KEY")
		}
		issuer = named
	case key == "" || issuer == "":
		return nil, errors.New("Clerk needs CLERK_PUBLISHABLE_KEY, or CLERK_JWT_KEY together with CLERK_ISSUER")
	case !issuerForm.MatchString(issuer):
		return nil, errors.New("CLERK_ISSUER is to be like https://clerk.example.com")
	}
	if key == "" {
		return &Instance{Issuer: issuer, JwksURL: issuer + "/.well-known/jwks.json"}, nil
	}
	public, err := parse(key)
	return &Instance{Issuer: issuer, Key: public}, err
}

// IssuerOf reads a publishable key: pk_test_ or pk_live_, then base64 of the instance's host and a $. Empty for anything else.
func IssuerOf(publishableKey string) string {
	found := publishableForm.FindStringSubmatch(publishableKey)
	if found == nil {
		return ""
	}
	text := strings.NewReplacer("-", "+", "_", "/").Replace(found[1])
	host, err := base64.RawStdEncoding.DecodeString(text)
	issuer, whole := strings.CutSuffix("https://"+string(host), "$")
	if err != nil || !whole || !issuerForm.MatchString(issuer) {
		return ""
	}
	return issuer
}

// parse takes real line ends and those that dashboards and env files write as backslash n.
func parse(text string) (*rsa.PublicKey, error) {
	block, _ := pem.Decode([]byte(strings.TrimSpace(strings.ReplaceAll(text, `\n`, "\n"))))
	if block == nil {
		return nil, errors.New("CLERK_JWT_KEY is no public key in PEM form")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("CLERK_JWT_KEY is no public key in PEM form")
	}
	public, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA || public.N.BitLen() < 2048 {
		return nil, errors.New("CLERK_JWT_KEY is to be an RSA key of 2048 bits or more")
	}
	return public, nil
}
