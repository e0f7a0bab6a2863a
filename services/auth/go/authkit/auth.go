package authkit

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"regexp"
	"strings"
	"time"

	"platform/authkit/clerk"
	"platform/authkit/refusal"
)

var requestIDForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Session is what a verified token says.
type Session = clerk.Session

// Identity is who calls: a service, a user, or a service for a user. A session comes with the user who signed in.
type Identity struct {
	Service bool
	User    *User
	Session *Session
	bearer  string
}

// Auth is mounted once: authkit.New(settings, users), then RequireUser or RequireService around handlers.
type Auth struct {
	settings *Settings
	users    Users
	verifier *clerk.Verifier
	keys     func(kid string) (*rsa.PublicKey, error)
}

// New says the mode loudly where it is not Clerk's.
func New(settings *Settings, users Users) *Auth {
	auth := &Auth{settings: settings, users: users}
	auth.verifier = &clerk.Verifier{
		Issuer: settings.Issuer, AuthorizedParties: settings.AuthorizedParties, ClockSkew: settings.ClockSkew, Now: time.Now,
	}
	auth.keys = (&jwks{url: settings.JwksURL, fetch: fetchURL, now: time.Now}).get
	if settings.Key != nil {
		auth.keys = func(string) (*rsa.PublicKey, error) { return settings.Key, nil }
	}
	if settings.Keys != nil {
		auth.keys = handedOver(settings.Keys).get
	}
	if banner := settings.Banner(); banner != "" {
		slog.Warn(banner, "auth_mode", settings.Mode)
	}
	return auth
}

// RequireUser lets a user through: by a session, or by a service that acts for one.
func (a *Auth) RequireUser(next http.Handler) http.Handler {
	return a.require(next, func(identity *Identity) *refusal.Error {
		if identity.User == nil {
			return refusal.New(refusal.AuthRequired, "no user")
		}
		return nil
	})
}

// RequireService lets a service through; the user it acts for, if any, is in the identity.
func (a *Auth) RequireService(next http.Handler) http.Handler {
	return a.require(next, func(identity *Identity) *refusal.Error {
		switch {
		case identity.Service:
			return nil
		case identity.User != nil:
			return refusal.New(refusal.Forbidden, "no service")
		}
		return refusal.New(refusal.AuthRequired, "no service")
	})
}

type contextKey struct{}

// From gives the identity that RequireUser or RequireService found; nil outside of them.
func From(ctx context.Context) *Identity {
	identity, _ := ctx.Value(contextKey{}).(*Identity)
	return identity
}

// Outgoing puts into a call to another service our token, and the user we act for: by the session if there is one.
func (a *Auth) Outgoing(identity *Identity, request *http.Request) {
	a.OutgoingFor("", request)
	switch {
	case identity == nil:
	case identity.bearer != "":
		request.Header.Set("Authorization", identity.bearer)
	case identity.User != nil:
		request.Header.Set("X-On-Behalf-Of", identity.User.ID)
	}
}

// OutgoingFor is the same for a job that knows only the user's id, or none.
func (a *Auth) OutgoingFor(userID string, request *http.Request) {
	if len(a.settings.serviceTokens) > 0 {
		request.Header.Set("X-Service-Token", a.settings.serviceTokens[0])
	}
	if userID != "" {
		request.Header.Set("X-On-Behalf-Of", userID)
	}
}

func (a *Auth) require(next http.Handler, allowed func(*Identity) *refusal.Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		identity, err := a.identify(w, r)
		if err != nil {
			refuse(w, r, err)
			return
		}
		if err := allowed(identity); err != nil {
			refuse(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, identity)))
	})
}

// identify finds who calls. A credential that is there and wrong is never passed over.
func (a *Auth) identify(w http.ResponseWriter, r *http.Request) (*Identity, error) {
	for _, name := range []string{"Authorization", "X-Service-Token", "X-On-Behalf-Of"} {
		if len(r.Header.Values(name)) > 1 {
			return nil, refusal.New(refusal.DuplicateCredentials, name)
		}
	}
	testSubject, err := "", error(nil)
	if a.settings.backdoor != nil {
		if testSubject, err = a.settings.backdoor.Subject(w, r); err != nil {
			return nil, err
		}
	}
	bearer, hasBearer := given(r, "Authorization")
	token, isService := given(r, "X-Service-Token")
	behalf, hasBehalf := given(r, "X-On-Behalf-Of")
	users := 0
	for _, there := range []bool{hasBearer, hasBehalf, testSubject != ""} {
		if there {
			users++
		}
	}
	switch {
	case isService && !matches(token, a.settings.serviceTokens):
		return nil, refusal.New(refusal.ServiceTokenInvalid, "x-service-token")
	case hasBehalf && !isService:
		return nil, refusal.New(refusal.ServiceTokenInvalid, "x-on-behalf-of without x-service-token")
	case users > 1:
		return nil, refusal.New(refusal.DuplicateCredentials, "two users")
	}
	identity := &Identity{Service: isService, bearer: bearer}
	switch {
	case hasBehalf:
		identity.User, err = a.actingFor(r.Context(), behalf)
	case testSubject != "":
		identity.Session = &Session{Issuer: testIssuer, Subject: testSubject, SessionID: "sess_test"}
	case hasBearer:
		identity.Session, err = a.session(bearer)
	}
	if err == nil && identity.Session != nil {
		identity.User, err = a.userOf(r.Context(), identity.Session)
	}
	if err == nil && identity.User != nil && identity.User.Status != "active" {
		err = refusal.New(refusal.AccountDisabled, identity.User.Status+" user "+identity.User.ID)
	}
	return identity, err
}

func (a *Auth) session(bearer string) (*Session, error) {
	scheme, token, _ := strings.Cut(bearer, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return nil, refusal.New(refusal.TokenInvalid, "scheme")
	}
	return a.verifier.Verify(token, a.keys)
}

func (a *Auth) userOf(ctx context.Context, session *Session) (*User, error) {
	profile := Profile{session.Email, session.DisplayName, session.EmailVerified}
	user, err := a.users.EnsureUser(ctx, session.Issuer, session.Subject, profile)
	return &user, err
}

func (a *Auth) actingFor(ctx context.Context, id string) (*User, error) {
	if uuidForm.MatchString(id) {
		if user, found, err := a.users.UserByID(ctx, id); found || err != nil {
			return &user, err
		}
	}
	return nil, refusal.New(refusal.Forbidden, "x-on-behalf-of nobody")
}

func given(r *http.Request, name string) (string, bool) {
	values := r.Header.Values(name)
	if len(values) == 0 {
		return "", false
	}
	return values[0], true
}

// matches compares digests, in a time that says nothing. Current and previous are both taken, so that it can be rotated.
func matches(token string, accepted []string) bool {
	digest, found := sha256.Sum256([]byte(token)), 0
	for _, each := range accepted {
		wanted := sha256.Sum256([]byte(each))
		found |= subtle.ConstantTimeCompare(digest[:], wanted[:])
	}
	return found == 1
}

// refuse answers as documented.
func refuse(w http.ResponseWriter, r *http.Request, err error) {
	refused := refusal.New(refusal.IdentityUnavailable, err.Error())
	errors.As(err, &refused)
	requestID := r.Header.Get("X-Request-Id")
	if !requestIDForm.MatchString(requestID) {
		random := make([]byte, 16)
		rand.Read(random)
		requestID = hex.EncodeToString(random)
	}
	level := slog.LevelInfo
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Request-Id", requestID)
	switch refused.Status() {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", "Bearer")
		switch refused.Code {
		case refusal.TokenInvalid, refusal.TokenExpired, refusal.SessionPending:
			header.Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		}
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", "2")
		level = slog.LevelError
	}
	slog.Log(r.Context(), level, "auth refused", "auth_code", refused.Code, "auth_reason", refused.Reason, "request_id", requestID)
	w.WriteHeader(refused.Status())
	body := map[string]any{"error": map[string]string{"code": string(refused.Code), "message": refused.Message(), "request_id": requestID}}
	_ = json.NewEncoder(w).Encode(body)
}
