package authkit_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"platform/authkit/internal/vectors"
)

const vectorsPath = "../../vectors.json"

var (
	file     = vectors.Read(vectorsPath)
	keys     = vectors.NewKeys()
	binaries = map[string]string{} // by build tag
)

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "authkit")
	if err != nil {
		panic(err)
	}
	for _, tag := range []string{"", "authtest"} {
		binaries[tag] = filepath.Join(folder, "testapp"+tag)
		build := exec.Command("go", "build", "-tags", tag, "-o", binaries[tag], "./internal/testapp")
		if out, err := build.CombinedOutput(); err != nil {
			panic(string(out))
		}
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// issuer serves a JWKS and counts who asks; it can be taken away.
type issuer struct {
	asked  atomic.Int64
	port   int
	server *httptest.Server
}

func newIssuer(t testing.TB) *issuer {
	i := &issuer{port: freePort()}
	i.start()
	t.Cleanup(i.stop)
	return i
}

func (i *issuer) url() string { return fmt.Sprintf("http://127.0.0.1:%d", i.port) }

func (i *issuer) start() {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", i.port))
	if err != nil {
		panic(err)
	}
	i.server = &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		_, _ = w.Write(keys.Jwks(vectors.Kid))
	})}}
	i.server.Start()
}

func (i *issuer) stop() {
	if i.server != nil {
		i.server.Close()
		i.server = nil
	}
}

func freePort() int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}

// environment is what a service of one configuration finds around it.
func environment(name, issuerURL string) map[string]string {
	found := map[string]string{
		"HOST": "127.0.0.1", "VECTORS": vectorsPath, "TEST_AUTH_SECRET": keys.Secret,
		"SERVICE_AUTH_TOKEN": keys.Service, "SERVICE_AUTH_TOKEN_PREVIOUS": keys.Previous,
	}
	switch name {
	case "clerk":
		found["CLERK_JWT_KEY"] = strings.ReplaceAll(keys.PEM, "\n", `\n`)
		found["CLERK_ISSUER"], found["AUTH_AUTHORIZED_PARTIES"] = vectors.Apps[name].Issuer, vectors.Apps[name].Party
	case "local":
		found["APP_ENV"], found["AUTH_LOCAL_ISSUER"] = "development", issuerURL
	case "test":
		found["APP_ENV"], found["AUTH_LOCAL_ISSUER"] = "test", issuerURL
	}
	return found
}

// service is the tiny app, listening.
type service struct {
	port    int
	command *exec.Cmd
	log     *safeBuffer
}

type safeBuffer struct {
	mutex  sync.Mutex
	buffer bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.Write(p)
}

func (b *safeBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.buffer.String()
}

func launch(tag string, environ map[string]string) *service {
	s := &service{port: freePort(), log: &safeBuffer{}}
	s.command = exec.Command(binaries[tag])
	s.command.Stdout, s.command.Stderr = s.log, s.log
	s.command.Env = []string{fmt.Sprintf("PORT=%d", s.port)}
	for name, value := range environ {
		s.command.Env = append(s.command.Env, name+"="+value)
	}
	if err := s.command.Start(); err != nil {
		panic(err)
	}
	return s
}

func serve(t testing.TB, tag string, environ map[string]string) *service {
	s := launch(tag, environ)
	t.Cleanup(func() {
		_ = s.command.Process.Kill()
		_ = s.command.Wait()
		told := s.log.String()
		for _, never := range []string{"OUTBOUND", "panic", keys.Service, keys.Previous, keys.Secret} {
			if strings.Contains(told, never) {
				t.Errorf("the log has %q", never)
			}
		}
	})
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(10 * time.Millisecond) {
		if connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port)); err == nil {
			connection.Close()
			return s
		}
	}
	t.Fatal("did not listen: ", s.log.String())
	return nil
}

type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) code() string {
	told, _ := a.body["error"].(map[string]any)
	code, _ := told["code"].(string)
	return code
}

// get sends every header byte for byte over a socket of its own, duplicates and all.
func (s *service) get(t testing.TB, path string, headers [][2]string) answer {
	t.Helper()
	connection, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", s.port), 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	_ = connection.SetDeadline(time.Now().Add(20 * time.Second))
	request := "GET " + path + " HTTP/1.1\r\nHost: test\r\nConnection: close\r\n"
	for _, header := range headers {
		request += header[0] + ": " + header[1] + "\r\n"
	}
	if _, err := connection.Write([]byte(request + "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got := answer{response.StatusCode, response.Header, map[string]any{}}
	if err := json.NewDecoder(response.Body).Decode(&got.body); err != nil {
		t.Fatalf("%d without JSON: %v", got.status, err)
	}
	return got
}

func contains(binary []byte, text string) bool { return bytes.Contains(binary, []byte(text)) }
