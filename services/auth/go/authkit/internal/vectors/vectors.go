// Package vectors reads the vector file: keys made now, tokens made from data.
package vectors

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"math/big"
	"os"
	"slices"
	"strings"
	"time"

	_ "crypto/sha512" // RS384 and RS512

	"platform/authkit"
)

// Case is one entry of the file.
type Case struct {
	Name             string
	Apps, Kits       []string
	Header, Claims   map[string]any
	Headers          *[][2]string
	Path, Peer, Via  string
	Raw              *string
	Mangle           string
	Sign             Sign
	IdenticalWithout []string `json:"identical_without"`
	Status           int
	Code             string
	Body             map[string]any
	Response         map[string]string
}

// Sign says how a token is signed.
type Sign struct {
	Key, Alg, Secret, Payload string
	Nest                      int
}

// File is the whole of it.
type File struct {
	Base struct {
		Header, Claims map[string]any
		Headers        [][2]string
		Path           string
	}
	Users map[string]struct{ ID, Subject, Status string }
	Cases []Case
}

// App is one configuration under which cases run.
type App struct{ Name, Issuer, Party string }

// Apps are the configurations.
var Apps = map[string]App{
	"local": {"local", "urn:platform:local", "urn:platform:web"},
	"clerk": {"clerk", "https://clerk.shop.example", "https://shop.example"},
	"test":  {"test", "urn:platform:local", "urn:platform:web"},
}

// Kid is the name of the right key.
const Kid = "ins_vector"

// Keys are made for this run.
type Keys struct {
	Right, Other              *rsa.PrivateKey
	PEM                       string
	Service, Previous, Secret string
}

// NewKeys makes them.
func NewKeys() Keys {
	right, other := generate(), generate()
	der, err := x509.MarshalPKIXPublicKey(&right.PublicKey)
	if err != nil {
		panic(err)
	}
	return Keys{
		right, other, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"svc_" + random(), "svc_" + random(), random(),
	}
}

// Read reads the file.
func Read(path string) File {
	var file File
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err != nil {
		panic(err)
	}
	return file
}

// Jwk is the public half of a key.
func Jwk(key *rsa.PrivateKey, kid string) map[string]any {
	return map[string]any{
		"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig",
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}
}

// Jwks serves the right key.
func (k Keys) Jwks(kid string) []byte {
	text, err := json.Marshal(map[string]any{"keys": []any{Jwk(k.Right, kid)}})
	if err != nil {
		panic(err)
	}
	return text
}

// Token is the token that the case tells to make.
func (f File) Token(k Keys, app App, c Case) string {
	if c.Raw != nil {
		return *c.Raw
	}
	header, claims := f.filled(k, app, f.Base.Header, c.Header), f.filled(k, app, f.Base.Claims, c.Claims)
	payload := c.Sign.Payload
	if payload == "" {
		payload = strings.ReplaceAll(encode(claims), `"$half"`, `"\ud800"`)
	}
	if depth := c.Sign.Nest; depth > 0 {
		payload = payload[:len(payload)-1] + `, "x": ` + strings.Repeat("[", depth) + strings.Repeat("]", depth) + "}"
	}
	signing := b64([]byte(encode(header))) + "." + b64([]byte(payload))
	return mangled(c.Mangle, signing+"."+b64(signature(k, c.Sign, signing)))
}

// Values is what the names in a case's strings stand for.
func (f File) Values(k Keys, app App, c Case) map[string]string {
	values := names(app)
	values["$token"] = f.Token(k, app, c)
	values["$good"] = f.Token(k, app, Case{})
	values["$expired"] = f.Token(k, app, Case{Claims: map[string]any{"exp": map[string]any{"now": -60.0}}})
	values["$service"], values["$previous"], values["$secret"] = k.Service, k.Previous, k.Secret
	for name, user := range f.Users {
		values["$"+name] = user.ID
	}
	return values
}

// Headers is the request's headers, duplicates and all.
func (f File) Headers(k Keys, app App, c Case) [][2]string {
	headers := f.Base.Headers
	if c.Headers != nil {
		headers = *c.Headers
	}
	values, found := f.Values(k, app, c), [][2]string{}
	for _, header := range headers {
		found = append(found, [2]string{header[0], replaced(header[1], values)})
	}
	return found
}

// seeded knows the seeds of the vector file, and takes everybody else for active.
type seeded []authkit.User

// SeededUsers keeps the file's users in memory.
func SeededUsers(path string) authkit.Users {
	users := seeded{}
	if path != "" {
		for _, user := range Read(path).Users {
			if user.Subject != "" {
				users = append(users, authkit.User{ID: user.ID, Subject: user.Subject, Status: user.Status})
			}
		}
	}
	return users
}

func (s seeded) EnsureUser(_ context.Context, issuer, subject string, _ authkit.Profile) (authkit.User, error) {
	if i := slices.IndexFunc(s, func(user authkit.User) bool { return user.Subject == subject }); i >= 0 {
		return s[i], nil
	}
	return authkit.User{ID: "00000000-0000-4000-8000-00000000aaaa", Issuer: issuer, Subject: subject, Status: "active"}, nil
}

func (s seeded) UserByID(_ context.Context, id string) (authkit.User, bool, error) {
	if i := slices.IndexFunc(s, func(user authkit.User) bool { return user.ID == id }); i >= 0 {
		return s[i], true, nil
	}
	return authkit.User{}, false, nil
}

func names(app App) map[string]string {
	return map[string]string{
		"$cut_azp": app.Party[:len(app.Party)-1], "$azp": app.Party, "$iss": app.Issuer, "$kid": Kid,
		"$long": strings.Repeat("x", 10_240), "$wide": strings.Repeat("x", 400),
	}
}

func replaced(text string, values map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		text = strings.ReplaceAll(text, name, values[name])
	}
	return text
}

func (f File) filled(k Keys, app App, base, over map[string]any) map[string]any {
	all := maps.Clone(base)
	maps.Copy(all, over)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	values := names(app)
	var fill func(any) any
	fill = func(value any) any {
		switch value := value.(type) {
		case string:
			if value == "$jwk_other" {
				return Jwk(k.Other, Kid)
			}
			return replaced(value, values)
		case []any:
			filled := []any{}
			for _, each := range value {
				filled = append(filled, fill(each))
			}
			return filled
		case map[string]any:
			if seconds, isTime := value["now"].(float64); isTime {
				return time.Now().Unix() + int64(seconds)
			}
			filled := map[string]any{}
			for name, each := range value {
				filled[name] = fill(each)
			}
			return filled
		}
		return value
	}
	return fill(all).(map[string]any)
}

func signature(k Keys, sign Sign, signing string) []byte {
	key, hashes := k.Right, map[string]crypto.Hash{"": crypto.SHA256, "RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512}
	if sign.Key == "other" {
		key = k.Other
	}
	var made []byte
	var err error
	switch sign.Alg {
	case "none":
	case "HS256":
		mac := hmac.New(sha256.New, []byte(strings.ReplaceAll(sign.Secret, "$pem", k.PEM)))
		mac.Write([]byte(signing))
		made = mac.Sum(nil)
	case "PS256":
		digest := sha256.Sum256([]byte(signing))
		made, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, digest[:], &rsa.PSSOptions{SaltLength: 32})
	default:
		hash := hashes[sign.Alg].New()
		hash.Write([]byte(signing))
		made, err = rsa.SignPKCS1v15(rand.Reader, key, hashes[sign.Alg], hash.Sum(nil))
	}
	if err != nil {
		panic(err)
	}
	return made
}

func mangled(how, made string) string {
	parts := strings.Split(made, ".")
	within := func(what string) string { return parts[0] + "." + parts[1][:8] + what + parts[1][8:] + "." + parts[2] }
	switch how {
	case "":
		return made
	case "alter-payload":
		payload, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			panic(err)
		}
		return parts[0] + "." + b64([]byte(strings.ReplaceAll(string(payload), "user_vector", "user_victim"))) + "." + parts[2]
	case "respell-signature": // 256 bytes leave unused bits in the last character
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		last := len(made) - 1
		return made[:last] + string(alphabet[strings.IndexByte(alphabet, made[last])^1])
	case "empty-signature":
		return parts[0] + "." + parts[1] + "."
	case "cut-signature":
		return made[:len(made)-4]
	case "pad":
		return made + "=="
	case "newline":
		return made + "\n"
	case "newline-within":
		return within("\n")
	case "space-within":
		return within(" ")
	case "two-parts":
		return parts[0] + "." + parts[1]
	case "five-parts":
		return made + "." + parts[1] + "." + parts[2]
	}
	panic("no such mangle: " + how)
}

func generate() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func encode(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func random() string {
	bytes := make([]byte, 32)
	rand.Read(bytes)
	return b64(bytes)
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }
