package main

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	codeFor     = time.Minute      // a sign-in code, between two redirects of a browser
	linkFor     = 10 * time.Minute // a link, between a terminal and a browser
	sessionsFor = 30 * 24 * time.Hour
	sessionsMax = 1000
)

var (
	userForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)
	slugForm = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}(:[a-z][a-z0-9_]{0,31})?$`)
)

// Person is who signs in; Org is NAME or NAME:ROLE.
type Person struct {
	User  string `json:"user"`
	Name  string `json:"name,omitempty"`
	Email string `json:"email,omitempty"`
	Org   string `json:"org,omitempty"`
}

// Minted is a token and what is in it; the refresh token is there if it was asked for.
type Minted struct {
	Token        string `json:"token"`
	ExpiresAt    int64  `json:"expires_at"`
	SessionID    string `json:"session_id"`
	Subject      string `json:"subject"`
	RefreshToken string `json:"refresh_token,omitempty"`
}

// Issuer mints tokens and remembers the sessions of browsers.
type Issuer struct {
	settings Settings
	state    *State
	now      func() time.Time
	kid      string

	mutex    sync.Mutex
	sessions map[string]session // by digest of the refresh token
	codes    map[string]code    // by digest: each works once
}

type session struct {
	ID     string `json:"id"`
	Person Person `json:"person"`
	Made   int64  `json:"made"`
}

type code struct {
	kind      string
	person    Person
	challenge string
	until     time.Time
}

func newIssuer(settings Settings, state *State, now func() time.Time) *Issuer {
	digest := sha256.Sum256(state.key.N.Bytes())
	issuer := &Issuer{
		settings: settings, state: state, now: now, kid: "ins_local_" + hex.EncodeToString(digest[:8]),
		sessions: map[string]session{}, codes: map[string]code{},
	}
	// Browsers stay signed in when the issuer restarts. A damaged file signs them out, no more.
	if text, err := os.ReadFile(filepath.Join(state.folder, "sessions.json")); err == nil || !errors.Is(err, fs.ErrNotExist) {
		_ = json.Unmarshal(text, &issuer.sessions)
	}
	return issuer
}

// Admits says whether a tool has shown the secret.
func (i *Issuer) Admits(secret string) bool { return same(secret, string(i.state.secret)) }

// Pass is what a browser keeps once a link let it in: made of the secret, and ends with it.
func (i *Issuer) Pass() string {
	mac := hmac.New(sha256.New, i.state.secret)
	mac.Write([]byte("browser pass"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Mint gives a token of its own session.
func (i *Issuer) Mint(person Person, ttl time.Duration, refresh bool) (Minted, error) {
	minted := i.sign(person, "sess_local_"+short(), ttl)
	if !refresh {
		return minted, nil
	}
	minted.RefreshToken = random()
	i.mutex.Lock()
	defer i.mutex.Unlock()
	i.sessions[digested(minted.RefreshToken)] = session{minted.SessionID, person, i.now().Unix()}
	return minted, i.keepSessions()
}

// Refresh gives a new token of a session; false if it has ended.
func (i *Issuer) Refresh(refreshToken string) (Minted, bool) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	found, there := i.sessions[digested(refreshToken)]
	if !there || i.now().Unix()-found.Made > int64(sessionsFor.Seconds()) {
		return Minted{}, false
	}
	return i.sign(found.Person, found.ID, i.settings.SessionTTL), true
}

// SignOut ends a session; tokens of it live out their minute.
func (i *Issuer) SignOut(refreshToken string) error {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	delete(i.sessions, digested(refreshToken))
	return i.keepSessions()
}

// Code gives a code that works once: of the kind `link` (lets a browser in) or `sign-in` (becomes a session).
func (i *Issuer) Code(kind string, person Person, challenge string, lasts time.Duration) string {
	made := random()
	i.mutex.Lock()
	defer i.mutex.Unlock()
	for each, kept := range i.codes {
		if len(i.codes) >= sessionsMax || i.now().After(kept.until) {
			delete(i.codes, each)
		}
	}
	i.codes[digested(made)] = code{kind, person, challenge, i.now().Add(lasts)}
	return made
}

// Use takes a code; for a sign-in the verifier must be what its challenge was made of.
func (i *Issuer) Use(kind, made, verifier string) (Person, bool) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	kept, there := i.codes[digested(made)]
	delete(i.codes, digested(made))
	fits := kind == "link" || same(challengeOf(verifier), kept.challenge)
	return kept.person, there && kept.kind == kind && fits && i.now().Before(kept.until)
}

// Jwks is the public half of the key.
func (i *Issuer) Jwks() any {
	public := i.state.key.PublicKey
	return map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": i.kid,
		"n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}}
}

// sign makes a session token as Clerk's version 2.
func (i *Issuer) sign(person Person, sessionID string, ttl time.Duration) Minted {
	now := i.now().Unix()
	minted := Minted{ExpiresAt: now + int64(ttl.Seconds()), SessionID: sessionID, Subject: "user_local_" + person.User}
	claims := map[string]any{
		"azp": i.settings.Party, "exp": minted.ExpiresAt, "fva": []int{0, -1}, "iat": now, "iss": issuerName, "jti": short(),
		"nbf": now - 10, "sid": sessionID, "sts": "active", "sub": minted.Subject, "v": 2,
		"email": person.Email, "email_verified": true, "name": person.Name,
	}
	if person.Org != "" {
		slug, role, _ := strings.Cut(person.Org, ":")
		if role == "" {
			role = "member"
		}
		claims["o"] = map[string]string{"id": "org_local_" + slug, "rol": role, "slg": slug}
	}
	header := map[string]string{"alg": "RS256", "cat": "cl_B7d4PD111AAA", "kid": i.kid, "typ": "JWT"}
	signing := encode(header) + "." + encode(claims)
	digest := sha256.Sum256([]byte(signing))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.state.key, crypto.SHA256, digest[:])
	if err != nil {
		panic(err) // only a damaged key or a digest of another length
	}
	minted.Token = signing + "." + base64.RawURLEncoding.EncodeToString(signature)
	return minted
}

// keepSessions drops what has ended, and the oldest beyond the limit. Called with the mutex held.
func (i *Issuer) keepSessions() error {
	for len(i.sessions) > 0 {
		oldest := ""
		for digest, each := range i.sessions {
			if oldest == "" || each.Made < i.sessions[oldest].Made {
				oldest = digest
			}
		}
		if len(i.sessions) <= sessionsMax && i.now().Unix()-i.sessions[oldest].Made <= int64(sessionsFor.Seconds()) {
			break
		}
		delete(i.sessions, oldest)
	}
	return i.state.replace("sessions.json", i.sessions)
}

// complete checks a person and fills in what was not said; the message is for who typed it.
func complete(person Person) (Person, string) {
	person.User = strings.ToLower(strings.TrimSpace(person.User))
	if !userForm.MatchString(person.User) {
		return person, "a user is a letter, then up to 31 letters, digits and _"
	}
	if person.Org != "" && !slugForm.MatchString(person.Org) {
		return person, "an organisation is NAME or NAME:ROLE, in letters, digits and _"
	}
	if len(person.Name) > 200 || len(person.Email) > 200 {
		return person, "name and email have up to 200 bytes"
	}
	if person.Name == "" {
		person.Name = strings.ToUpper(person.User[:1]) + person.User[1:]
	}
	if person.Email == "" {
		person.Email = person.User + "@example.test"
	}
	return person, ""
}

func challengeOf(verifier string) string {
	digest := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(digest[:])
}

func digested(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}

func same(one, two string) bool {
	a, b := sha256.Sum256([]byte(one)), sha256.Sum256([]byte(two))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

func short() string {
	bytes := make([]byte, 12)
	rand.Read(bytes)
	return hex.EncodeToString(bytes)
}

func encode(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err) // maps of strings and numbers
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
