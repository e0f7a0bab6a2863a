package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// computedKids has the same values as tests/converge/test_issuer_keys.py.
var computedKids = []struct{ secret, port, kid string }{
	{"a secret of the tests, 32 letters", "18084", "ins_local_c176a9eadcce738f"},
	{"a secret of the tests, 32 letters", "28084", "ins_local_595ddcf959f22080"},
	{"a secret of the tests, 32 letterS", "18084", "ins_local_92bbf578e9af33d4"},
	{"ein Geheimnis mit Umlauten: äöü €, 𝔘", "1024", "ins_local_3eb7209f72f6a174"},
	{"iss_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG", "65535", "ins_local_7174dea0da502f00"},
}

// TestThePublicKeyIsTheOneThatTheToolComputes: and no file has the private one, not even that of an earlier version.
func TestThePublicKeyIsTheOneThatTheToolComputes(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "state")
	if _, err := openState(folder, "", ""); err != nil { // has a key of its own
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(folder, "issuer_secret"))
	for _, each := range computedKids {
		state, err := openState(folder, each.secret, each.port)
		if err != nil {
			t.Fatal(err)
		}
		if got := newIssuer(Settings{}, state, time.Now).kid; got != each.kid {
			t.Errorf("%s, port %s: got %s, want %s", each.secret, each.port, got, each.kid)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}
