package authkit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"platform/authkit/refusal"
)

const (
	cacheFor   = 30 * time.Second
	cacheSize  = 10_000
	usersWait  = 4 * time.Second
	usersTable = "auth.users"
)

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// User is one row, as far as a request needs it; Created is true for the one request that made it.
type User struct {
	ID, Issuer, Subject, Status string
	Created                     bool
}

// Profile is what a provider tells about a user; shown, never used to find one.
type Profile struct {
	Email, DisplayName string
	EmailVerified      bool
}

// Users is where users are kept. Errors are *refusal.Error.
type Users interface {
	// EnsureUser gives the user, made if new.
	EnsureUser(ctx context.Context, issuer, subject string, profile Profile) (User, error)
	// UserByID gives the user of an id, or false; none is made.
	UserByID(ctx context.Context, id string) (User, bool, error)
}

// PostgresUsers keeps users in Postgres, by autocommit connections of its own: inside a caller's transaction the steps would fail.
type PostgresUsers struct {
	pool *pgxpool.Pool
	now  func() time.Time

	mutex sync.RWMutex
	cache map[[2]string]remembered
}

type remembered struct {
	user  User
	until time.Time
}

// NewPostgresUsers connects when the first user comes.
func NewPostgresUsers(url string) (*PostgresUsers, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	config.MinConns, config.MaxConns = 0, 4
	config.ConnConfig.ConnectTimeout = 2 * time.Second
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec // no prepared statements: poolers and changed tables
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	return &PostgresUsers{pool: pool, now: time.Now, cache: map[[2]string]remembered{}}, nil
}

// Close gives the connections back.
func (u *PostgresUsers) Close() { u.pool.Close() }

const (
	selectUser = "SELECT id::text, issuer, subject, status, false FROM " + usersTable + " "
	byKey      = selectUser + "WHERE issuer = $1 AND subject = $2"
	insertUser = "INSERT INTO " + usersTable + ` (issuer, subject, email, email_verified, display_name)
		VALUES ($1, $2, NULLIF($3, ''), $4, NULLIF($5, '')) ON CONFLICT (issuer, subject) DO NOTHING
		RETURNING id::text, issuer, subject, status, true`
	updateProfile = "UPDATE " + usersTable + ` SET email = NULLIF($2, ''), email_verified = $3, display_name = NULLIF($4, ''),
		updated_at = now() WHERE id = $1::text::uuid AND status <> 'deleted'`
)

// EnsureUser gives the user, made if new: SELECT, INSERT … DO NOTHING, SELECT; every other order loses a race (AUTH.md).
func (u *PostgresUsers) EnsureUser(ctx context.Context, issuer, subject string, profile Profile) (User, error) {
	key := [2]string{issuer, subject}
	if user, found := u.cached(key); found {
		return user, nil
	}
	ctx, cancel := context.WithTimeout(ctx, usersWait)
	defer cancel()
	user, err := u.one(ctx, byKey, issuer, subject)
	if errors.Is(err, pgx.ErrNoRows) {
		user, err = u.one(ctx, insertUser, issuer, subject, profile.Email, profile.EmailVerified, profile.DisplayName)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		user, err = u.one(ctx, byKey, issuer, subject)
	}
	if err != nil {
		return User{}, refusal.New(refusal.ProvisioningUnavailable, err.Error())
	}
	u.remember(key, user)
	return user, nil
}

// UserByID gives the user of an id, or false; none is made.
func (u *PostgresUsers) UserByID(ctx context.Context, id string) (User, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, usersWait)
	defer cancel()
	user, err := u.one(ctx, selectUser+"WHERE id = $1::text::uuid", id)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return User{}, false, nil
	case err != nil:
		return User{}, false, refusal.New(refusal.ProvisioningUnavailable, err.Error())
	}
	return user, true, nil
}

// SetProfile is for a webhook or a job in the background.
func (u *PostgresUsers) SetProfile(ctx context.Context, id string, profile Profile) error {
	ctx, cancel := context.WithTimeout(ctx, usersWait)
	defer cancel()
	_, err := u.pool.Exec(ctx, updateProfile, id, profile.Email, profile.EmailVerified, profile.DisplayName)
	if err != nil {
		return refusal.New(refusal.ProvisioningUnavailable, err.Error())
	}
	return nil
}

func (u *PostgresUsers) one(ctx context.Context, query string, values ...any) (User, error) {
	var user User
	err := u.pool.QueryRow(ctx, query, values...).Scan(&user.ID, &user.Issuer, &user.Subject, &user.Status, &user.Created)
	return user, err
}

func (u *PostgresUsers) cached(key [2]string) (User, bool) {
	u.mutex.RLock()
	defer u.mutex.RUnlock()
	kept, found := u.cache[key]
	return kept.user, found && u.now().Before(kept.until)
}

// remember takes only what is committed; Created is for one request alone.
func (u *PostgresUsers) remember(key [2]string, user User) {
	user.Created = false
	u.mutex.Lock()
	defer u.mutex.Unlock()
	if len(u.cache) >= cacheSize {
		clear(u.cache)
	}
	u.cache[key] = remembered{user, u.now().Add(cacheFor)}
}
