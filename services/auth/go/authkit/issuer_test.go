package authkit_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestTokensOfTheLocalIssuerAreTaken(t *testing.T) {
	folder := t.TempDir()
	binary, state := filepath.Join(folder, "issuer"), filepath.Join(folder, "state")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Dir = "../../issuer"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatal(string(out))
	}
	port := freePort()
	address := fmt.Sprintf("http://127.0.0.1:%d", port)
	command := exec.Command(binary)
	command.Env = []string{"APP_ENV=development", "AUTH_STATE_DIR=" + state, fmt.Sprintf("PORT=%d", port)}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill(); _ = command.Wait() })
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
		if answer, err := http.Get(address + "/readyz"); err == nil {
			answer.Body.Close()
			break
		}
	}
	secret, err := os.ReadFile(filepath.Join(state, "issuer_secret"))
	if err != nil {
		t.Fatal(err)
	}
	request, _ := http.NewRequest("POST", address+"/v1/sessions", bytes.NewBufferString(`{"user": "alice", "org": "acme:admin"}`))
	request.Header.Set("X-Issuer-Secret", strings.TrimSpace(string(secret)))
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var minted struct{ Token string }
	if err := json.NewDecoder(answer.Body).Decode(&minted); err != nil {
		t.Fatal(err)
	}
	got := serve(t, "", environment("local", address)).get(t, "/me", [][2]string{{"Authorization", "Bearer " + minted.Token}})
	if got.status != 200 || got.body["subject"] != "user_local_alice" || got.body["org_role"] != "admin" || got.body["email"] != "alice@example.test" {
		t.Errorf("got %d %v", got.status, got.body)
	}
}
