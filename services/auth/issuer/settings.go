package main

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	issuerName   = "urn:platform:local" // `iss` is a constant, so that tokens outlive a change of port
	defaultParty = "urn:platform:web"
)

var originForm = regexp.MustCompile(`^https?://[a-z0-9.\[\]:-]+$`)

// refused is an environment with which the issuer must not start (exit 78).
type refused struct{ because string }

func (r refused) Error() string { return "refuses to start: " + r.because }

// Settings is everything the environment says.
type Settings struct {
	Host, Port string
	StateDir   string
	Secret     string        // of AUTH_ISSUER_SECRET; else it is made in StateDir
	Party      string        // the `azp` of every token
	WebOrigins []string      // where a sign-in may lead back to
	Hosts      []string      // further names by which requests may call us
	SessionTTL time.Duration // of tokens for browsers; Clerk's is 60 s
}

func readSettings(getenv func(string) string) (Settings, error) {
	getenv, err := secretFiles(getenv, "AUTH_ISSUER_SECRET")
	if err != nil {
		return Settings{}, refused{err.Error()}
	}
	or := func(name, otherwise string) string {
		if value := getenv(name); value != "" {
			return value
		}
		return otherwise
	}
	settings := Settings{
		Host: or("HOST", "127.0.0.1"), Port: or("PORT", "18084"), StateDir: getenv("AUTH_STATE_DIR"), Secret: getenv("AUTH_ISSUER_SECRET"),
		Party: list(or("AUTH_AUTHORIZED_PARTIES", defaultParty))[0], WebOrigins: list(getenv("AUTH_WEB_ORIGINS")), Hosts: list(getenv("ISSUER_HOSTS")),
	}
	if env := getenv("APP_ENV"); env != "development" && env != "test" {
		return settings, refused{fmt.Sprintf("APP_ENV is %q, and this is for development and test alone", env)}
	}
	if settings.StateDir == "" {
		return settings, refused{"AUTH_STATE_DIR is missing: a directory that only you can read"}
	}
	if settings.Secret != "" && len(settings.Secret) < 32 {
		return settings, refused{"AUTH_ISSUER_SECRET is shorter than 32 characters"}
	}
	ip, err := netip.ParseAddr(settings.Host)
	loopback := settings.Host == "localhost" || err == nil && ip.IsLoopback()
	if !loopback && getenv("ISSUER_BIND_ANY") != "1" {
		return settings, refused{fmt.Sprintf("HOST is %q, which is not loopback (in a container set ISSUER_BIND_ANY=1)", settings.Host)}
	}
	for _, origin := range settings.WebOrigins {
		if !originForm.MatchString(origin) {
			return settings, refused{fmt.Sprintf("AUTH_WEB_ORIGINS: %q is no origin like http://127.0.0.1:18080", origin)}
		}
	}
	seconds, err := strconv.Atoi(or("ISSUER_SESSION_TTL_S", "60"))
	if err != nil || seconds < 5 || seconds > 86400 {
		return settings, refused{"ISSUER_SESSION_TTL_S is to be from 5 to 86400"}
	}
	settings.SessionTTL = time.Duration(seconds) * time.Second
	return settings, nil
}

func list(text string) []string {
	var found []string
	for each := range strings.SplitSeq(text, ",") {
		if each = strings.TrimSpace(each); each != "" {
			found = append(found, each)
		}
	}
	return found
}
