package authkit_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"platform/authkit"
)

const publishable = "pk_test_Y2xlcmsuc2hvcC5leGFtcGxlJA" // clerk.shop.example$

// TestGateMatrix starts a process for every combination: 78 before its port is open, or it listens.
func TestGateMatrix(t *testing.T) {
	parties := "https://shop.example"
	configured := map[string]map[string]string{
		"none":                   {},
		"publishable":            {"CLERK_PUBLISHABLE_KEY": publishable, "AUTH_AUTHORIZED_PARTIES": parties},
		"pem":                    {"CLERK_JWT_KEY": keys.PEM, "CLERK_ISSUER": "https://clerk.shop.example", "AUTH_AUTHORIZED_PARTIES": parties},
		"no parties":             {"CLERK_PUBLISHABLE_KEY": publishable},
		"pem alone":              {"CLERK_JWT_KEY": keys.PEM, "AUTH_AUTHORIZED_PARTIES": parties},
		"issuer alone":           {"CLERK_ISSUER": "https://clerk.shop.example", "AUTH_AUTHORIZED_PARTIES": parties},
		"secret alone":           {"CLERK_SECRET_KEY": "sk_test_x", "AUTH_AUTHORIZED_PARTIES": parties},
		"another kind of secret": {"CLERK_PUBLISHABLE_KEY": publishable, "CLERK_SECRET_KEY": "sk_live_x", "AUTH_AUTHORIZED_PARTIES": parties},
		"no publishable key":     {"CLERK_PUBLISHABLE_KEY": "pk_test_!!", "AUTH_AUTHORIZED_PARTIES": parties},
	}
	for _, env := range []string{"", "production", "development", "test", "Test", "test ", "staging"} {
		for _, bind := range []string{"127.0.0.1", "localhost", "0.0.0.0", ""} {
			for name, clerkEnv := range configured {
				for _, marker := range []string{"", "KUBERNETES_SERVICE_HOST", "VERCEL_ENV"} {
					environ := map[string]string{
						"APP_ENV": env, "HOST": bind, "AUTH_LOCAL_ISSUER": "http://127.0.0.1:18084", "TEST_AUTH_SECRET": keys.Secret,
					}
					for name, value := range clerkEnv {
						environ[name] = value
					}
					if marker != "" {
						environ[marker] = "production"
					}
					loopback := bind == "127.0.0.1" || bind == "localhost"
					starts := name == "none" && (env == "development" || env == "test" && loopback && marker == "") ||
						(name == "publishable" || name == "pem") && env != "test"
					t.Run(strings.Join([]string{env, bind, name, marker}, "/"), func(t *testing.T) { gate(t, environ, starts) })
				}
			}
		}
	}
}

func gate(t *testing.T, environ map[string]string, starts bool) {
	s := launch("authtest", environ)
	ended := make(chan int, 1)
	go func() {
		_ = s.command.Wait()
		ended <- s.command.ProcessState.ExitCode()
	}()
	defer func() { _ = s.command.Process.Kill() }()
	for began := time.Now(); time.Since(began) < time.Minute; {
		connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err == nil {
			connection.Close()
			if !starts {
				t.Error("the port was open")
			}
			return
		}
		select {
		case code := <-ended:
			told := strings.TrimSpace(s.log.String())
			if starts || code != 78 || !strings.HasPrefix(told, "authkit: refuses to start: ") || strings.Contains(told, "\n") {
				t.Errorf("exit %d, wants to start: %v\n%s", code, starts, told)
			}
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
	t.Error("neither ended nor listened")
}

func TestWhatCannotBeMeantRefuses(t *testing.T) {
	for _, each := range [][2]string{
		{"AUTH_LOCAL_ISSUER_KEYS", "x"}, {"AUTH_LOCAL_ISSUER_KEYS", `{"keys": []}`},
		{"AUTH_LOCAL_ISSUER", ""}, {"AUTH_LOCAL_ISSUER", "http://issuer.evil.example"}, {"AUTH_LOCAL_ISSUER", "https://127.0.0.1"},
		{"AUTH_LOCAL_ISSUER", "http://8.8.8.8:80"}, {"AUTH_LOCAL_ISSUER", "http://user@127.0.0.1"}, {"AUTH_LOCAL_ISSUER", "http://127.0.0.1/path"},
		{"AUTH_CLOCK_SKEW_S", "-1"}, {"AUTH_CLOCK_SKEW_S", "61"}, {"AUTH_CLOCK_SKEW_S", "5.0"},
		{"SERVICE_AUTH_TOKEN", "secret"}, {"SERVICE_AUTH_TOKEN", "svc_short"}, {"SERVICE_AUTH_TOKEN_PREVIOUS", "svc_" + strings.Repeat("ä", 43)},
	} {
		environ := map[string]string{"APP_ENV": "development", "AUTH_LOCAL_ISSUER": "http://127.0.0.1:1", each[0]: each[1]}
		_, err := authkit.Read(func(name string) string { return environ[name] }, "127.0.0.1:1")
		if err == nil || !strings.Contains(err.Error(), each[0]) {
			t.Errorf("%v: got %v", each, err)
		}
	}
}

func TestEveryMarkerOfProductionRefusesTestMode(t *testing.T) {
	for _, marker := range []string{
		"KUBERNETES_SERVICE_HOST", "K_SERVICE", "FLY_APP_NAME", "DYNO", "RENDER", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
		"ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "WEBSITE_INSTANCE_ID", "RAILWAY_ENVIRONMENT", "GAE_ENV",
		"CF_INSTANCE_GUID", "NOMAD_ALLOC_ID", "VERCEL_ENV",
	} {
		environ := map[string]string{"APP_ENV": "test", "AUTH_LOCAL_ISSUER": "http://127.0.0.1:1", "TEST_AUTH_SECRET": keys.Secret, marker: "production"}
		if _, err := authkit.Read(func(name string) string { return environ[name] }, "127.0.0.1:1"); err == nil || !strings.Contains(err.Error(), marker) {
			t.Errorf("%s: got %v", marker, err)
		}
	}
}

func TestBackdoorNeedsASecretOf32Characters(t *testing.T) {
	for _, secret := range []string{"", "short", strings.Repeat("s", 31)} {
		environ := environment("test", "http://127.0.0.1:1")
		environ["TEST_AUTH_SECRET"] = secret
		gate(t, environ, false)
	}
}

func TestPartiesAreWholeOrigins(t *testing.T) {
	for _, parties := range []string{"*", "https://*.example", "https://shop.example/", "shop.example", "https://a.example,*"} {
		environ := map[string]string{"CLERK_PUBLISHABLE_KEY": publishable, "AUTH_AUTHORIZED_PARTIES": parties}
		if _, err := authkit.Read(func(name string) string { return environ[name] }, ""); err == nil {
			t.Errorf("%s was taken", parties)
		}
	}
}

func TestPublishableKeyNamesIssuerAndKeys(t *testing.T) {
	environ := map[string]string{"CLERK_PUBLISHABLE_KEY": publishable, "AUTH_AUTHORIZED_PARTIES": "https://shop.example"}
	settings, err := authkit.Read(func(name string) string { return environ[name] }, "")
	if err != nil || settings.Issuer != "https://clerk.shop.example" || settings.JwksURL != "https://clerk.shop.example/.well-known/jwks.json" {
		t.Errorf("got %v, %v", settings, err)
	}
	if strings.Contains(fmt.Sprint(settings.Banner()), "AUTH MODE") {
		t.Error("a banner in clerk mode")
	}
}
