package main

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const web = "http://127.0.0.1:18080"

var verifier = strings.Repeat("v", 43)

// running is an issuer that listens, with a clock that the test moves.
type running struct {
	t      *testing.T
	url    string
	secret string
	folder string
	ahead  time.Duration
}

func start(t *testing.T, folder string) *running {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	environ := map[string]string{"APP_ENV": "development", "PORT": port, "AUTH_STATE_DIR": folder, "AUTH_WEB_ORIGINS": web, "ISSUER_HOSTS": "issuer:18084"}
	settings, err := readSettings(func(name string) string { return environ[name] })
	if err != nil {
		t.Fatal(err)
	}
	state, err := openState(folder, "", "")
	if err != nil {
		t.Fatal(err)
	}
	r := &running{t: t, url: "http://" + listener.Addr().String(), secret: string(state.secret), folder: folder}
	server := &http.Server{Handler: routes(settings, newIssuer(settings, state, func() time.Time { return time.Now().Add(r.ahead) }))}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return r
}

func (r *running) send(method, path, body string, headers ...string) (int, http.Header, string) {
	r.t.Helper()
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if method == "POST" {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(request)
	if err != nil {
		r.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

func (r *running) mint(body string) map[string]any {
	r.t.Helper()
	status, _, text := r.send("POST", "/v1/sessions", body, "X-Issuer-Secret", r.secret)
	if status != 201 {
		r.t.Fatalf("got %d %s", status, text)
	}
	return object(r.t, text)
}

func object(t *testing.T, text string) map[string]any {
	t.Helper()
	var found map[string]any
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return found
}

// claims checks the signature by the JWKS and gives header and claims.
func (r *running) claims(token string) (map[string]any, map[string]any) {
	r.t.Helper()
	_, _, text := r.send("GET", "/.well-known/jwks.json", "")
	var keys struct{ Keys []struct{ Kid, N, E string } }
	if err := json.Unmarshal([]byte(text), &keys); err != nil || len(keys.Keys) != 1 {
		r.t.Fatal(text)
	}
	decode := func(part string) []byte {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			r.t.Fatal(err)
		}
		return raw
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(decode(keys.Keys[0].N)), E: int(new(big.Int).SetBytes(decode(keys.Keys[0].E)).Int64())}
	parts := strings.Split(token, ".")
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], decode(parts[2])); err != nil {
		r.t.Fatal(err)
	}
	header, claims := object(r.t, string(decode(parts[0]))), object(r.t, string(decode(parts[1])))
	if header["kid"] != keys.Keys[0].Kid {
		r.t.Errorf("kid %v", header["kid"])
	}
	return header, claims
}

func TestToolsMintTokensOfClerksShape(t *testing.T) {
	r := start(t, filepath.Join(t.TempDir(), "auth"))
	minted := r.mint(`{"user": "Alice", "org": "acme:admin", "ttl_s": 90}`)
	header, claims := r.claims(minted["token"].(string))
	if header["alg"] != "RS256" || header["typ"] != "JWT" || header["cat"] != "cl_B7d4PD111AAA" {
		t.Errorf("got %v", header)
	}
	organisation, _ := claims["o"].(map[string]any)
	if claims["iss"] != "urn:platform:local" || claims["azp"] != "urn:platform:web" || claims["sub"] != "user_local_alice" || claims["v"] != 2.0 ||
		claims["exp"].(float64)-claims["iat"].(float64) != 90 || organisation["rol"] != "admin" || claims["email"] != "alice@example.test" || claims["sts"] != "active" {
		t.Errorf("got %v", claims)
	}
	if minted["refresh_token"] != nil {
		t.Error("a refresh token nobody asked for")
	}
}

func TestWithoutTheSecretNobodyMints(t *testing.T) {
	r := start(t, filepath.Join(t.TempDir(), "auth"))
	for _, path := range []string{"/v1/sessions", "/v1/links"} {
		for _, headers := range [][]string{{}, {"X-Issuer-Secret", ""}, {"X-Issuer-Secret", "wrong"}, {"X-Issuer-Secret", r.secret + "x"}, {"Authorization", "Bearer " + r.secret}} {
			if status, _, text := r.send("POST", path, `{"user": "alice"}`, headers...); status != 401 {
				t.Errorf("%s %v: got %d %s", path, headers, status, text)
			}
		}
	}
}

func TestOtherHostsAndOriginsAreRefused(t *testing.T) {
	r := start(t, filepath.Join(t.TempDir(), "auth"))
	for _, host := range []string{"evil.example", "evil.example:18084", "127.0.0.1", "127.0.0.1:1", "issuer"} {
		if status, _, _ := r.send("GET", "/.well-known/jwks.json", "", "Host", host); status != http.StatusMisdirectedRequest {
			t.Errorf("%s: got %d", host, status)
		}
	}
	if status, _, _ := r.send("GET", "/.well-known/jwks.json", "", "Host", "issuer:18084"); status != 200 {
		t.Errorf("ISSUER_HOSTS: got %d", status)
	}
	for _, header := range [][]string{{"Origin", web}, {"Origin", r.url}, {"Origin", "null"}, {"Sec-Fetch-Site", "same-origin"}} {
		for _, path := range []string{"/v1/sessions", "/v1/links", "/v1/exchange", "/v1/refresh", "/v1/sign-out"} {
			status, got, _ := r.send("POST", path, `{}`, append(header, "X-Issuer-Secret", r.secret)...)
			if status != 403 || got.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %v: got %d", path, header, status)
			}
		}
	}
	for _, origin := range []string{"", "null", web, "https://evil.example", "http://localhost:1"} {
		headers := []string{"Content-Type", "application/x-www-form-urlencoded"}
		if origin != "" {
			headers = append(headers, "Origin", origin)
		}
		if status, _, _ := r.send("POST", "/sign-in", r.form("alice", r.pass()), headers...); status != 403 {
			t.Errorf("sign-in from %q: got %d", origin, status)
		}
	}
}

// pass opens a link as a browser does, and reads what the page would store.
func (r *running) pass() string {
	r.t.Helper()
	_, _, text := r.send("POST", "/v1/links", `{}`, "X-Issuer-Secret", r.secret)
	link, err := url.Parse(object(r.t, text)["url"].(string))
	if err != nil {
		r.t.Fatal(err)
	}
	status, header, page := r.send("GET", link.RequestURI(), "")
	found := regexp.MustCompile(`setItem\("pass", "([A-Za-z0-9_-]+)"\)`).FindStringSubmatch(page)
	if status != 200 || found == nil || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		r.t.Fatalf("got %d %s", status, page)
	}
	if status, _, _ := r.send("GET", link.RequestURI(), ""); status != 403 {
		r.t.Errorf("the link worked twice: %d", status)
	}
	return found[1]
}

func (r *running) form(user, pass string) string {
	return url.Values{"user": {user}, "pass": {pass}, "challenge": {challengeOf(verifier)}, "redirect_url": {web + "/api/auth/callback?x=1"}}.Encode()
}

func (r *running) signIn(form string) (int, string, string) {
	status, header, text := r.send("POST", "/sign-in", form, "Origin", r.url, "Content-Type", "application/x-www-form-urlencoded")
	return status, header.Get("Location"), text
}

func (r *running) code(user string) string {
	r.t.Helper()
	status, location, text := r.signIn(r.form(user, r.pass()))
	parts, err := url.Parse(location)
	if status != 303 || err != nil || !strings.HasPrefix(location, web+"/api/auth/callback?") || parts.Query().Get("x") != "1" {
		r.t.Fatalf("got %d %s %s", status, location, text)
	}
	return parts.Query().Get("code")
}

func TestBrowserSignsInRefreshesAndSignsOut(t *testing.T) {
	r := start(t, filepath.Join(t.TempDir(), "auth"))
	code := r.code("bob")
	exchange := fmt.Sprintf(`{"code": %q, "verifier": %q}`, code, verifier)
	status, _, text := r.send("POST", "/v1/exchange", exchange)
	if status != 201 {
		t.Fatalf("got %d %s", status, text)
	}
	minted := object(t, text)
	_, first := r.claims(minted["token"].(string))
	if first["sub"] != "user_local_bob" || first["exp"].(float64)-first["iat"].(float64) != 60 {
		t.Errorf("got %v", first)
	}
	if status, _, _ := r.send("POST", "/v1/exchange", exchange); status != 401 {
		t.Errorf("the code worked twice: %d", status)
	}
	refresh := fmt.Sprintf(`{"refresh_token": %q}`, minted["refresh_token"])
	restarted := start(t, r.folder) // a restart signs nobody out
	restarted.ahead = time.Minute
	status, _, text = restarted.send("POST", "/v1/refresh", refresh)
	if status != 200 {
		t.Fatalf("got %d %s", status, text)
	}
	_, second := restarted.claims(object(t, text)["token"].(string))
	if second["sid"] != first["sid"] || second["exp"].(float64) <= first["exp"].(float64) {
		t.Errorf("got %v after %v", second, first)
	}
	if status, _, _ := restarted.send("POST", "/v1/sign-out", refresh); status != 204 {
		t.Errorf("sign-out: got %d", status)
	}
	if status, _, _ := restarted.send("POST", "/v1/refresh", refresh); status != 401 {
		t.Errorf("refresh after sign-out: got %d", status)
	}
	if sessions, err := os.ReadFile(filepath.Join(r.folder, "sessions.json")); err != nil || string(sessions) != "{}" {
		t.Errorf("kept %s, %v", sessions, err)
	}
}

func TestSignInIsRefused(t *testing.T) {
	r := start(t, filepath.Join(t.TempDir(), "auth"))
	pass := r.pass()
	change := func(name, value string) string {
		form, _ := url.ParseQuery(r.form("alice", pass))
		form.Set(name, value)
		return form.Encode()
	}
	for form, want := range map[string]int{
		change("pass", ""):                                              403,
		change("pass", "wrong"):                                         403,
		change("pass", r.secret):                                        403,
		change("user", "Jo Smith"):                                      422,
		change("user", ""):                                              422,
		change("user", "<script>"):                                      422,
		change("redirect_url", "https://evil.example/"):                 400,
		change("redirect_url", web+"@evil.example/"):                    400,
		change("redirect_url", "//evil.example/"):                       400,
		change("redirect_url", "http://user@127.0.0.1:18080/"):          400,
		change("redirect_url", "javascript:alert(1)"):                   400,
		change("redirect_url", web+".evil.example/"):                    400,
		change("challenge", "short"):                                    400,
		change("challenge", ""):                                         400,
		change("redirect_url", "http://127.0.0.1:18080\\@evil.example"): 400,
	} {
		status, location, page := r.signIn(form)
		if status != want || location != "" {
			t.Errorf("%s: got %d %s, want %d", form, status, location, want)
		}
		if strings.Contains(page, "<script>\"") || strings.Contains(page, "value=\"<script>") {
			t.Error("unescaped")
		}
	}
	if status, _, _ := r.send("GET", "/sign-in?redirect_url=https://evil.example&challenge="+challengeOf(verifier), ""); status != 400 {
		t.Errorf("page: got %d", status)
	}
	if status, _, page := r.send("GET", "/sign-in?redirect_url="+web+"/&challenge="+challengeOf(verifier), ""); status != 200 || !strings.Contains(page, "alice") || strings.Contains(page, pass) {
		t.Errorf("page: got %d %s", status, page)
	}
}

func TestCodesEndAndBelongToWhoBegan(t *testing.T) {
	r := start(t, filepath.Join(t.TempDir(), "auth"))
	if status, _, _ := r.send("POST", "/v1/exchange", fmt.Sprintf(`{"code": %q, "verifier": "other"}`, r.code("bob"))); status != 401 {
		t.Errorf("another verifier: got %d", status)
	}
	late := r.code("bob")
	r.ahead = 2 * time.Minute
	if status, _, _ := r.send("POST", "/v1/exchange", fmt.Sprintf(`{"code": %q, "verifier": %q}`, late, verifier)); status != 401 {
		t.Errorf("late: got %d", status)
	}
	if status, _, _ := r.send("POST", "/v1/refresh", `{"refresh_token": ""}`); status != 401 {
		t.Errorf("no session: got %d", status)
	}
}

func TestWhatCannotBeMintedIsSaid(t *testing.T) {
	r := start(t, filepath.Join(t.TempDir(), "auth"))
	for body, want := range map[string]int{
		`{"user": ""}`: 422, `{"user": "1x"}`: 422, `{"user": "a", "ttl_s": -1}`: 422, `{"user": "a", "ttl_s": 86401}`: 422, `{"user": "a", "org": "A b"}`: 422,
		`{"user": "a", "sub": "user_x"}`: 400, `not JSON`: 400, `{"user": "` + strings.Repeat("a", 9000) + `"}`: 400,
	} {
		if status, _, text := r.send("POST", "/v1/sessions", body, "X-Issuer-Secret", r.secret); status != want {
			t.Errorf("%.40s: got %d %s", body, status, text)
		}
	}
	if status, _, _ := r.send("POST", "/v1/sessions", `{"user": "a"}`, "X-Issuer-Secret", r.secret, "Content-Type", "text/plain"); status != 415 {
		t.Errorf("text/plain: got %d", status)
	}
}

func TestKeyAndSecretAreForTheirOwnerAlone(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "auth")
	r := start(t, folder)
	r.mint(`{"user": "a", "refresh": true}`)
	for name, mode := range map[string]os.FileMode{"": 0o700, "issuer_key.pem": 0o600, "issuer_secret": 0o600, "sessions.json": 0o600} {
		info, err := os.Stat(filepath.Join(folder, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: got %v, %v", name, info, err)
		}
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 3 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
	again := start(t, folder)
	if again.secret != r.secret {
		t.Error("a new secret")
	}
	for _, name := range []string{"issuer_key.pem", "issuer_secret", ""} {
		path := filepath.Join(folder, name)
		before, _ := os.Stat(path)
		_ = os.Chmod(path, 0o755)
		if _, err := openState(folder, "", ""); err == nil || !strings.Contains(err.Error(), "read by others") {
			t.Errorf("%s: got %v", name, err)
		}
		_ = os.Chmod(path, before.Mode().Perm())
	}
	_ = os.Rename(filepath.Join(folder, "issuer_key.pem"), filepath.Join(folder, "elsewhere"))
	_ = os.Symlink(filepath.Join(folder, "elsewhere"), filepath.Join(folder, "issuer_key.pem"))
	if _, err := openState(folder, "", ""); err == nil || !strings.Contains(err.Error(), "is a link") {
		t.Errorf("got %v", err)
	}
}

func TestTwoAtOnceMakeOneKey(t *testing.T) {
	folder := t.TempDir()
	_ = os.Chmod(folder, 0o700)
	seen := sync.Map{}
	var threads sync.WaitGroup
	for range 8 {
		threads.Go(func() {
			state, err := openState(folder, "", "")
			if err != nil {
				t.Error(err)
				return
			}
			seen.Store(state.key.N.String()+string(state.secret), true)
		})
	}
	threads.Wait()
	different := 0
	seen.Range(func(any, any) bool { different++; return true })
	if different != 1 {
		t.Errorf("%d keys", different)
	}
}

func TestForbiddenEnvironmentsEndWith78(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "issuer")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	folder := t.TempDir()
	_ = os.Chmod(folder, 0o700)
	base := map[string]string{"APP_ENV": "development", "AUTH_STATE_DIR": folder, "PORT": "0"}
	for name, change := range map[string][2]string{
		"production": {"APP_ENV", "production"}, "unset": {"APP_ENV", ""}, "spelling": {"APP_ENV", "Development"},
		"all addresses": {"HOST", "0.0.0.0"}, "a name": {"HOST", "myhost"}, "no state": {"AUTH_STATE_DIR", ""},
		"short secret": {"AUTH_ISSUER_SECRET", "short"}, "origin": {"AUTH_WEB_ORIGINS", "http://a/b"}, "ttl": {"ISSUER_SESSION_TTL_S", "1"},
	} {
		command := exec.Command(binary)
		for key, value := range base {
			if key != change[0] {
				command.Env = append(command.Env, key+"="+value)
			}
		}
		command.Env = append(command.Env, change[0]+"="+change[1])
		var told bytes.Buffer
		command.Stderr = &told
		_ = command.Run()
		if command.ProcessState.ExitCode() != 78 || !strings.HasPrefix(told.String(), "issuer: refuses to start: ") {
			t.Errorf("%s: exit %d, %s", name, command.ProcessState.ExitCode(), told.String())
		}
	}
}
