// Package authkit says who is calling: sessions of Clerk or of the local issuer, users made just in time, one service token.
package authkit

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"platform/authkit/clerk"
)

// Modes of identity.
const (
	ModeClerk = "clerk"
	ModeLocal = "local"
	ModeTest  = "test"
)

const (
	localIssuer = "urn:platform:local" // what stands in `iss`: a constant, so that tokens outlive a change of port
	localParty  = "urn:platform:web"
	testIssuer  = "urn:platform:test"
)

var (
	skewForm         = regexp.MustCompile(`^[0-9]{1,2}$`)
	serviceTokenForm = regexp.MustCompile(`^svc_[A-Za-z0-9_-]{43,}$`)
	localIssuerForm  = regexp.MustCompile(`^http://(\[[0-9a-fA-F:]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?$`)

	// secrets may be given as files, by NAME_FILE.
	secrets = []string{"SERVICE_AUTH_TOKEN", "SERVICE_AUTH_TOKEN_PREVIOUS", "CLERK_SECRET_KEY", "CLERK_JWT_KEY"}

	// markers are set by platforms where production runs.
	markers = []string{
		"KUBERNETES_SERVICE_HOST", "K_SERVICE", "FLY_APP_NAME", "DYNO", "RENDER", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_FUNCTION_NAME", "ECS_CONTAINER_METADATA_URI", "ECS_CONTAINER_METADATA_URI_V4", "WEBSITE_INSTANCE_ID",
		"RAILWAY_ENVIRONMENT", "GAE_ENV", "CF_INSTANCE_GUID", "NOMAD_ALLOC_ID",
	}
)

// Settings is everything the environment says about identity.
type Settings struct {
	Mode              string
	Issuer            string
	AuthorizedParties []string
	JwksURL           string
	Key               *rsa.PublicKey            // instead of JwksURL
	Keys              map[string]*rsa.PublicKey // the local issuer's by kid, instead of JwksURL
	ClockSkew         time.Duration
	serviceTokens     []string // unexported: loggers print what they can see
	backdoor          Backdoor
}

// Banner is a line to be shown loudly; empty in clerk mode.
func (s *Settings) Banner() string {
	if s.Mode == ModeClerk {
		return ""
	}
	door := ""
	if s.backdoor != nil {
		door = ", test users by header"
	}
	return fmt.Sprintf("AUTH MODE %s: local identities%s. Not for production.", strings.ToUpper(s.Mode), door)
}

// ReadOrExit gives the settings of this process, which is going to listen on the address (HOST:PORT).
// A refusal is one line on stderr and exit code 78 (EX_CONFIG).
func ReadOrExit(address string) *Settings {
	settings, err := Read(os.Getenv, address)
	if err != nil {
		fmt.Fprintln(os.Stderr, "authkit: refuses to start:", err)
		os.Exit(78)
	}
	return settings
}

// Read gives the settings, or says why a process with this environment must not listen on the address.
func Read(getenv func(string) string, address string) (*Settings, error) {
	settings := &Settings{}
	getenv, err := SecretFiles(getenv, secrets...)
	if err != nil {
		return nil, err
	}
	if err := settings.common(getenv); err != nil {
		return nil, err
	}
	instance, err := clerk.Read(getenv)
	if err != nil {
		return nil, err
	}
	appEnv := getenv("APP_ENV")
	if appEnv == "" {
		appEnv = "production"
	}
	switch {
	case instance != nil && appEnv == "test":
		return nil, errors.New("APP_ENV=test together with Clerk keys (unset one of them)")
	case instance != nil:
		return settings.clerk(instance)
	case appEnv != "development" && appEnv != "test":
		return nil, fmt.Errorf("APP_ENV is %q and there are no Clerk keys (set CLERK_PUBLISHABLE_KEY)", appEnv)
	}
	where, err := issuerAddress(getenv("AUTH_LOCAL_ISSUER"))
	if err != nil {
		return nil, err
	}
	settings.Mode, settings.Issuer, settings.JwksURL = ModeLocal, localIssuer, where+"/.well-known/jwks.json"
	if document := getenv("AUTH_LOCAL_ISSUER_KEYS"); document != "" {
		if settings.Keys, err = parseJwks([]byte(document)); err != nil {
			return nil, fmt.Errorf("AUTH_LOCAL_ISSUER_KEYS: %w", err)
		}
		settings.JwksURL = ""
	}
	if len(settings.AuthorizedParties) == 0 {
		settings.AuthorizedParties = []string{localParty}
	}
	if appEnv == "development" {
		return settings, nil
	}
	settings.Mode = ModeTest
	if marker := productionMarker(getenv); marker != "" {
		return nil, fmt.Errorf("APP_ENV=test where %s is set, as in production", marker)
	}
	if openBackdoor != nil {
		settings.backdoor, err = openBackdoor(getenv, address)
	}
	return settings, err
}

func (s *Settings) common(getenv func(string) string) error {
	s.ClockSkew = 5 * time.Second
	if text := getenv("AUTH_CLOCK_SKEW_S"); text != "" {
		seconds, _ := strconv.Atoi(text)
		if !skewForm.MatchString(text) || seconds > 60 {
			return errors.New("AUTH_CLOCK_SKEW_S is to be whole seconds from 0 to 60")
		}
		s.ClockSkew = time.Duration(seconds) * time.Second
	}
	for _, name := range []string{"SERVICE_AUTH_TOKEN", "SERVICE_AUTH_TOKEN_PREVIOUS"} {
		if token := getenv(name); token != "" {
			if !serviceTokenForm.MatchString(token) {
				return fmt.Errorf("%s is not svc_ and 32 random bytes in base64url", name)
			}
			s.serviceTokens = append(s.serviceTokens, token)
		}
	}
	for party := range strings.SplitSeq(getenv("AUTH_AUTHORIZED_PARTIES"), ",") {
		if party = strings.TrimSpace(party); party != "" {
			s.AuthorizedParties = append(s.AuthorizedParties, party)
		}
	}
	return nil
}

func (s *Settings) clerk(instance *clerk.Instance) (*Settings, error) {
	if len(s.AuthorizedParties) == 0 {
		return nil, errors.New("AUTH_AUTHORIZED_PARTIES is missing: the web applications' origins, with commas")
	}
	for _, party := range s.AuthorizedParties {
		if !clerk.OriginForm.MatchString(party) {
			return nil, fmt.Errorf("AUTH_AUTHORIZED_PARTIES: %q is no origin like https://app.example.com", party)
		}
	}
	s.Mode, s.Issuer, s.JwksURL, s.Key = ModeClerk, instance.Issuer, instance.JwksURL, instance.Key
	return s, nil
}

// issuerAddress takes only a place nobody else answers for: loopback, a private address, a name of a container network.
func issuerAddress(text string) (string, error) {
	text = strings.TrimRight(text, "/")
	if !localIssuerForm.MatchString(text) {
		return "", errors.New("AUTH_LOCAL_ISSUER is to be the address of the local issuer, like http://127.0.0.1:18084")
	}
	parts, err := url.Parse(text)
	if err != nil {
		return "", fmt.Errorf("AUTH_LOCAL_ISSUER: %w", err)
	}
	host := parts.Hostname()
	near := !strings.Contains(host, ".") || host == "host.docker.internal"
	if ip, err := netip.ParseAddr(host); err == nil {
		near = ip.IsLoopback() || ip.IsPrivate()
	}
	if !near {
		return "", errors.New("AUTH_LOCAL_ISSUER is neither on this machine nor in a container network of it")
	}
	return text, nil
}

// productionMarker names the variable that says this is production, if there is one.
func productionMarker(getenv func(string) string) string {
	if getenv("VERCEL_ENV") == "production" {
		return "VERCEL_ENV=production"
	}
	if i := slices.IndexFunc(markers, func(name string) bool { return getenv(name) != "" }); i >= 0 {
		return markers[i]
	}
	return ""
}
