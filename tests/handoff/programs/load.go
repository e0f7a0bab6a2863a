package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

const (
	pause    = 15 * time.Millisecond
	patience = 40 * time.Second
	// many is how many requests share one HTTP/2 connection at a time.
	many = 4
)

// seen is what the clients of one kind met; its names are load.py's.
type seen struct {
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Refused  int            `json:"refused"`
	Failures []string       `json:"failures"`
	Who      map[string]int `json:"who"`
	Gap      float64        `json:"gap_ms"`
	P50      int64          `json:"p50_us"`
	P99      int64          `json:"p99_us"`

	lock  sync.Mutex
	times []time.Duration
	last  time.Time
}

// ask sends one request with this body and says who answered it.
type ask func(body string) (who string, err error)

func load(h2c bool, until time.Time, over string, targets map[string]string) map[string]*seen {
	found := map[string]*seen{}
	var all sync.WaitGroup
	begin := func(name string, with ask) {
		if found[name] == nil {
			found[name] = &seen{Who: map[string]int{}, Failures: []string{}, last: time.Now()}
		}
		mine := found[name]
		all.Go(func() { mine.loop(with, until, over) })
	}
	for name, address := range targets {
		if !h2c {
			begin(name+" kept", post(address, false, false))
			begin(name+" fresh", post(address, false, true))
			continue
		}
		shared := post(address, true, false)
		for range many {
			begin(name+" many", shared)
		}
		begin(name+" fresh", post(address, true, true))
		begin(name+" rpc", check(address))
	}
	all.Wait()
	for _, mine := range found {
		sort.Slice(mine.times, func(a, b int) bool { return mine.times[a] < mine.times[b] })
		if total := len(mine.times); total > 0 {
			mine.P50, mine.P99 = mine.times[total/2].Microseconds(), mine.times[total*99/100].Microseconds()
		}
	}
	return found
}

func (mine *seen) loop(with ask, until time.Time, over string) {
	for number := 0; time.Now().Before(until); number++ {
		if _, err := os.Stat(over); err == nil {
			return
		}
		began := time.Now()
		who, err := with(strconv.Itoa(number))
		mine.note(who, err, time.Since(began))
		time.Sleep(pause)
	}
}

func (mine *seen) note(who string, err error, took time.Duration) {
	mine.lock.Lock()
	defer mine.lock.Unlock()
	mine.Requests++
	if err != nil {
		mine.Failed++
		if strings.Contains(err.Error(), "refused") {
			mine.Refused++
		}
		if len(mine.Failures) < 20 {
			mine.Failures = append(mine.Failures, fmt.Sprintf("%.3f %v", float64(time.Now().UnixMilli())/1e3, err))
		}
		return
	}
	mine.Who[who]++
	mine.times = append(mine.times, took)
	now := time.Now()
	mine.Gap = max(mine.Gap, float64(now.Sub(mine.last).Milliseconds()))
	mine.last = now
}

// client is Go's own; the only requests it sends again are those of which not one byte was written.
func client(h2c, fresh bool) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!h2c)
	protocols.SetUnencryptedHTTP2(h2c)
	return &http.Client{Timeout: patience, Transport: &http.Transport{Protocols: protocols, DisableKeepAlives: fresh && !h2c}}
}

func post(address string, h2c, fresh bool) ask {
	with := client(h2c, fresh)
	return func(body string) (string, error) {
		if fresh && h2c {
			with = client(h2c, fresh)
			defer with.CloseIdleConnections()
		}
		request, err := http.NewRequest("POST", "http://"+address+"/work", io.MultiReader(strings.NewReader(body)))
		if err != nil {
			return "", err
		}
		request.ContentLength = int64(len(body))
		answer, err := with.Do(request)
		if err != nil {
			return "", err
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			return "", err
		}
		who, said, _ := strings.Cut(string(text), " ")
		if answer.StatusCode != 200 || said != body {
			return "", fmt.Errorf("%d %.200s", answer.StatusCode, text)
		}
		if length := answer.Trailer.Get("X-Length"); h2c && length != strconv.Itoa(len(body)) {
			return "", fmt.Errorf("its trailer says %q", length)
		}
		return who, nil
	}
}

func dial(address string) *grpc.ClientConn {
	there, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		panic(err)
	}
	return there
}

func check(address string) ask {
	there := grpc_health_v1.NewHealthClient(dial(address))
	return func(string) (string, error) {
		ctx, end := context.WithTimeout(context.Background(), patience)
		defer end()
		var header metadata.MD
		answer, err := there.Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.Header(&header))
		if err != nil {
			return "", err
		}
		if answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			return "", fmt.Errorf("it says %v", answer.Status)
		}
		return strings.Join(header.Get("who"), ","), nil
	}
}
