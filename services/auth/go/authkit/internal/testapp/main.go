// Command testapp is a tiny service behind the kit, configured by the environment alone; it refuses every way out.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"platform/authkit"
	"platform/authkit/internal/vectors"
)

func main() {
	address := os.Getenv("HOST") + ":" + os.Getenv("PORT")
	settings := authkit.ReadOrExit(address)
	if os.Getenv("REFUSE_WAY_OUT") != "" {
		refuseWayOut(os.Getenv("AUTH_LOCAL_ISSUER"))
	}
	var users authkit.Users = vectors.SeededUsers(os.Getenv("VECTORS"))
	if database := os.Getenv("DATABASE_URL"); database != "" {
		store, err := authkit.NewPostgresUsers(database)
		if err != nil {
			panic(err)
		}
		users = store
	}
	auth := authkit.New(settings, users)
	mux := http.NewServeMux()
	mux.Handle("GET /me", auth.RequireUser(http.HandlerFunc(tell)))
	mux.Handle("GET /internal", auth.RequireService(http.HandlerFunc(tell)))
	listener, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	panic(http.Serve(listener, mux))
}

func tell(w http.ResponseWriter, r *http.Request) {
	identity := authkit.From(r.Context())
	told := map[string]any{
		"service": identity.Service, "id": nil, "subject": nil, "issuer": nil, "org_id": nil, "org_role": nil, "email": nil,
	}
	put := func(name, value string) {
		if value != "" {
			told[name] = value
		}
	}
	if user := identity.User; user != nil {
		put("id", user.ID)
	}
	if session := identity.Session; session != nil {
		put("subject", session.Subject)
		put("issuer", session.Issuer)
		put("org_id", session.OrgID)
		put("org_role", session.OrgRole)
		put("email", session.Email)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(told)
}

// refuseWayOut ends every connection and look-up but to the issuer in an error that names it on stderr.
func refuseWayOut(issuer string) {
	allowed := ""
	if parts, err := url.Parse(issuer); err == nil {
		allowed = parts.Host
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != allowed {
			fmt.Fprintln(os.Stderr, "OUTBOUND", address)
			return nil, fmt.Errorf("this test allows no way out")
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}
	http.DefaultTransport.(*http.Transport).DialContext = dial
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: dial}
}
