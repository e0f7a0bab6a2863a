package clerk

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"platform/authkit/refusal"
)

const (
	limit           = 8 * 1024
	sessionCategory = "cl_B7d4PD111AAA" // the others mark template (222) and machine-to-machine (333) tokens
)

var (
	shape            = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)
	subjectForm      = regexp.MustCompile(`^user_[A-Za-z0-9_]{1,64}$`)
	sessionIDForm    = regexp.MustCompile(`^sess_[A-Za-z0-9_]{1,64}$`)
	organisationForm = regexp.MustCompile(`^org_[A-Za-z0-9_]{1,64}$`)
	foreignHeaders   = []string{"crit", "b64", "zip", "jwk", "jku", "x5c", "x5u", "x5t", "x5t#S256"}
	base64url        = base64.RawURLEncoding.Strict() // only the one spelling that encoding gives
)

// Session is what a verified token says.
type Session struct {
	Issuer, Subject, SessionID string
	OrgID, OrgRole             string // empty outside an organisation
	Email, DisplayName         string // empty if the token does not say
	EmailVerified              bool
}

// Verifier is the policy of one issuer. It stands on the standard library: Clerk's SDK for Go accepts tokens without
// exp and sub and checks only the issuer's shape (AUTH.md), so a policy around it would be most of the work again.
type Verifier struct {
	Issuer            string
	AuthorizedParties []string
	ClockSkew         time.Duration
	Now               func() time.Time
}

// Verify gives the session of a token; keys gives the key of a kid. Every error is a *refusal.Error.
func (v *Verifier) Verify(token string, keys func(kid string) (*rsa.PublicKey, error)) (*Session, error) {
	if len(token) > limit {
		return nil, invalid("size")
	}
	if !shape.MatchString(token) {
		return nil, invalid("shape")
	}
	parts := strings.Split(token, ".")
	header, claims := object(parts[0]), object(parts[1])
	signature, err := base64url.DecodeString(parts[2])
	if err != nil || header == nil || claims == nil {
		return nil, invalid("base64 or json")
	}
	if header["alg"] != "RS256" || header["typ"] != "JWT" {
		return nil, invalid("alg or typ")
	}
	category, has := header["cat"]
	foreign := func(name string) bool { _, there := header[name]; return there }
	if has && category != sessionCategory || slices.ContainsFunc(foreignHeaders, foreign) {
		return nil, invalid("header")
	}
	kid, _ := header["kid"].(string)
	if kid == "" || len(kid) > 128 {
		return nil, invalid("kid")
	}
	if wrong := v.check(claims); wrong != "" {
		return nil, invalid(wrong)
	}
	key, err := keys(kid)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature) != nil {
		return nil, invalid("signature")
	}
	now, skew := float64(v.Now().UnixMilli())/1000, v.ClockSkew.Seconds()
	notBefore, _ := claims["nbf"].(float64)
	switch {
	case claims["exp"].(float64) <= now-skew:
		return nil, refusal.New(refusal.TokenExpired, "exp")
	case claims["iat"].(float64) > now+skew || notBefore > now+skew:
		return nil, invalid("iat or nbf ahead")
	case claims["sts"] == "pending":
		return nil, refusal.New(refusal.SessionPending, "sts")
	}
	return session(claims), nil
}

// check names the claim that is not as it must be, apart from the time.
func (v *Verifier) check(claims map[string]any) string {
	for _, name := range []string{"exp", "iat", "nbf"} {
		value, there := claims[name]
		number, isNumber := value.(float64)
		if (there || name != "nbf") && (!isNumber || number < 0 || number > 1<<53) {
			return name
		}
	}
	party, _ := claims["azp"].(string)
	_, audience := claims["aud"]
	subject, _ := claims["sub"].(string)
	sessionID, _ := claims["sid"].(string)
	status, hasStatus := claims["sts"]
	version, hasVersion := claims["v"]
	switch {
	case claims["iss"] != v.Issuer:
		return "iss"
	case !slices.Contains(v.AuthorizedParties, party):
		return "azp"
	case audience:
		return "aud"
	case !subjectForm.MatchString(subject):
		return "sub"
	case !sessionIDForm.MatchString(sessionID):
		return "sid"
	case hasStatus && status != "active" && status != "pending":
		return "sts"
	case hasVersion && version != 1.0 && version != 2.0:
		return "v"
	}
	return ""
}

func invalid(reason string) *refusal.Error { return refusal.New(refusal.TokenInvalid, reason) }

// object is a JSON object as a map, because encoding/json takes any case of a struct's names; nil for anything else.
func object(part string) map[string]any {
	raw, err := base64url.DecodeString(part)
	if err != nil || !utf8.Valid(raw) || bytes.Count(raw, []byte("["))+bytes.Count(raw, []byte("{")) > 100 {
		return nil
	}
	var value map[string]any
	if json.Unmarshal(raw, &value) != nil {
		return nil
	}
	return value
}

// session reads organisations from `o` (version 2) or from flat claims, with `org:` before the role (version 1).
func session(claims map[string]any) *Session {
	orgID, role := text(claims["org_id"]), text(claims["org_role"])
	if organisation, isObject := claims["o"].(map[string]any); isObject {
		orgID, role = text(organisation["id"]), text(organisation["rol"])
	}
	if !organisationForm.MatchString(orgID) {
		orgID, role = "", ""
	}
	return &Session{
		Issuer: text(claims["iss"]), Subject: text(claims["sub"]), SessionID: text(claims["sid"]),
		OrgID: orgID, OrgRole: strings.TrimPrefix(role, "org:"),
		Email: text(claims["email"]), EmailVerified: claims["email_verified"] == true, DisplayName: text(claims["name"]),
	}
}

// text is what a database takes: no NUL, not endless.
func text(value any) string {
	found, _ := value.(string)
	if utf8.RuneCountInString(found) > 320 || strings.ContainsRune(found, 0) {
		return ""
	}
	return found
}
