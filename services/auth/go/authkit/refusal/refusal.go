// Package refusal is what a refused caller is told: a stable code and its status; why exactly stands in the log alone.
package refusal

import "fmt"

// Code names a refusal; clients may rely on it.
type Code string

// The codes of the platform.
const (
	AuthRequired            Code = "auth_required"
	TokenInvalid            Code = "token_invalid"
	TokenExpired            Code = "token_expired"
	SessionPending          Code = "session_pending"
	ServiceTokenInvalid     Code = "service_token_invalid"
	AccountDisabled         Code = "account_disabled"
	Forbidden               Code = "forbidden"
	DuplicateCredentials    Code = "duplicate_credentials"
	IdentityUnavailable     Code = "identity_unavailable"
	ProvisioningUnavailable Code = "provisioning_unavailable"
)

var table = map[Code]struct {
	status  int
	message string
}{
	AuthRequired:            {401, "sign in first"},
	TokenInvalid:            {401, "the session token is not valid"},
	TokenExpired:            {401, "the session token has expired"},
	SessionPending:          {401, "the session waits for a task of its user"},
	ServiceTokenInvalid:     {401, "the service token is not valid"},
	AccountDisabled:         {403, "this account is disabled"},
	Forbidden:               {403, "this caller may not do this"},
	DuplicateCredentials:    {400, "a credential was given twice"},
	IdentityUnavailable:     {503, "the identity provider cannot be asked, try again"},
	ProvisioningUnavailable: {503, "users cannot be looked up, try again"},
}

// Error is a refusal; Reason is for the log only.
type Error struct {
	Code   Code
	Reason string
}

// Error says both.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Code, e.Reason) }

// Status is the HTTP status of the answer.
func (e *Error) Status() int { return table[e.Code].status }

// Message is what the caller reads.
func (e *Error) Message() string { return table[e.Code].message }

// New makes a refusal.
func New(code Code, reason string) *Error { return &Error{code, reason} }
