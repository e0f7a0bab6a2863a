package authkit_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"platform/authkit"
)

const migration = "../../python/platform_auth/migrations/0001_users.sql"

// database makes a database of its own on the server of DATABASE_URL, with the users table, and drops it afterwards.
func database(t testing.TB) (*url.URL, *pgx.Conn) {
	t.Helper()
	server := os.Getenv("DATABASE_URL")
	if server == "" {
		t.Skip("needs Postgres: set DATABASE_URL to a server where databases may be made")
	}
	ctx := context.Background()
	admin, err := pgx.Connect(ctx, server)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("test_authkit_%d", time.Now().UnixNano())
	address, err := url.Parse(server)
	if err == nil {
		_, err = admin.Exec(ctx, "CREATE DATABASE "+name)
	}
	if err != nil {
		t.Fatal(err)
	}
	address.Path = "/" + name
	t.Cleanup(func() {
		if _, err := admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		admin.Close(ctx)
	})
	connection, err := pgx.Connect(ctx, address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close(ctx) })
	sql, err := os.ReadFile(migration)
	if err == nil {
		_, err = connection.Exec(ctx, string(sql))
	}
	if err != nil {
		t.Fatal(err)
	}
	return address, connection
}

func store(t testing.TB, address *url.URL) *authkit.PostgresUsers {
	users, err := authkit.NewPostgresUsers(address.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(users.Close)
	return users
}

func count(t testing.TB, connection *pgx.Conn, like string) int {
	var found int
	if err := connection.QueryRow(context.Background(), "SELECT count(*) FROM auth.users WHERE subject LIKE $1", like).Scan(&found); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestOnlyTheFirstRequestMadeTheUser(t *testing.T) {
	address, _ := database(t)
	users, ctx := store(t, address), context.Background()
	one, err1 := users.EnsureUser(ctx, "urn:a", "user_first", authkit.Profile{Email: "a@example.test", EmailVerified: true})
	two, err2 := users.EnsureUser(ctx, "urn:a", "user_first", authkit.Profile{})
	other, err3 := users.EnsureUser(ctx, "urn:b", "user_first", authkit.Profile{Email: "a@example.test", EmailVerified: true})
	if err1 != nil || err2 != nil || err3 != nil || !one.Created || two.Created || one.ID != two.ID || other.ID == one.ID {
		t.Errorf("got %v %v %v, %v %v %v", one, two, other, err1, err2, err3)
	}
}

func TestDeletedStaysDeleted(t *testing.T) {
	address, connection := database(t)
	ctx := context.Background()
	user, err := store(t, address).EnsureUser(ctx, "urn:a", "user_gone", authkit.Profile{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connection.Exec(ctx, "UPDATE auth.users SET status = 'deleted'"); err != nil {
		t.Fatal(err)
	}
	users := store(t, address)
	again, err := users.EnsureUser(ctx, "urn:a", "user_gone", authkit.Profile{Email: "new@example.test"})
	if err != nil || again.Status != "deleted" || again.ID != user.ID {
		t.Errorf("got %v, %v", again, err)
	}
	if err := users.SetProfile(ctx, user.ID, authkit.Profile{Email: "new@example.test"}); err != nil {
		t.Error(err)
	}
	var email *string
	if err := connection.QueryRow(ctx, "SELECT email FROM auth.users").Scan(&email); err != nil || email != nil {
		t.Errorf("got %v, %v", email, err)
	}
}

// Each thread has a store of its own, as so many processes: the cache of one cannot help another.
func Test32ThreadsAnd150UsersWithoutAnError(t *testing.T) {
	address, connection := database(t)
	start, ids := make(chan struct{}), sync.Map{}
	var threads sync.WaitGroup
	for range 32 {
		users := store(t, address)
		threads.Go(func() {
			<-start
			for number := range 150 {
				user, err := users.EnsureUser(context.Background(), "urn:a", fmt.Sprintf("user_storm%d", number), authkit.Profile{})
				if err != nil {
					t.Error(err)
					return
				}
				if first, seen := ids.LoadOrStore(number, user.ID); seen && first != user.ID {
					t.Errorf("two ids for %d", number)
				}
			}
		})
	}
	close(start)
	threads.Wait()
	if found := count(t, connection, "user_storm%"); found != 150 {
		t.Errorf("got %d rows", found)
	}
}

func TestByIDMakesNobody(t *testing.T) {
	address, _ := database(t)
	if _, found, err := store(t, address).UserByID(context.Background(), "00000000-0000-4000-8000-00000000dead"); found || err != nil {
		t.Errorf("got %v, %v", found, err)
	}
}
