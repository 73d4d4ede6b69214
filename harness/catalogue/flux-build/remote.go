package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
)

const (
	gitName = "git"
	// remotesVariable names the file that clones are recorded in.
	remotesVariable = "HARNESS_FLUX_BUILD_REMOTES"
)

var errNoNetwork = errors.New("flux-build uses no network")

// remotes records what a build wanted to fetch.
type remotes struct {
	mutex sync.Mutex
	urls  []remote
	// git is the path of the stand-in for Git, a process of its own, and log
	// the file that it writes.
	git, log string
}

// noNetwork keeps kustomize from fetching anything, and records what it tries.
//
// Files are fetched with Go's default transport, and repositories with the
// first `git` of the search path (api/internal/loader/fileloader.go and
// api/internal/git/gitrunner.go of sigs.k8s.io/kustomize). The search path is
// a folder with nothing but a link to this program, so nothing else can be
// started either.
func noNetwork(work string) (*remotes, error) {
	programs := filepath.Join(work, "bin")
	if err := os.Mkdir(programs, 0o700); err != nil {
		return nil, fmt.Errorf("cannot create a folder in the work folder: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	r := &remotes{git: filepath.Join(programs, gitName), log: filepath.Join(work, "remotes")}
	if err := os.Symlink(self, r.git); err != nil {
		return nil, err
	}
	for name, value := range map[string]string{"PATH": programs, remotesVariable: r.log} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	http.DefaultTransport = r
	return r, nil
}

// RoundTrip implements http.RoundTripper.
func (r *remotes) RoundTrip(req *http.Request) (*http.Response, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.urls = append(r.urls, remote{URL: req.URL.String()})
	return nil, errNoNetwork
}

// take returns what was recorded since it was last called.
func (r *remotes) take() []remote {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	urls := r.urls
	r.urls = nil
	text, err := os.ReadFile(r.log)
	if err != nil {
		return urls
	}
	_ = os.Remove(r.log)
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		var clone remote
		// A repository is first asked for as a file of the same URL.
		if json.Unmarshal([]byte(line), &clone) == nil && len(urls) == 0 {
			urls = append(urls, clone)
		}
	}
	return urls
}

// recordClone is this program as `git`: it records what is to be fetched, and
// fails. Returns the exit status.
func recordClone(args []string) int {
	// kustomize calls `init`, `remote add`, and then `fetch --depth=1 URL REF`.
	if len(args) != 4 || args[0] != "fetch" {
		return 0
	}
	fmt.Fprintln(os.Stderr, errNoNetwork)
	text, err := json.Marshal(remote{URL: args[2], Ref: args[3]})
	if err != nil {
		return 1
	}
	log, err := os.OpenFile(os.Getenv(remotesVariable), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return 1
	}
	defer log.Close()
	_, _ = log.Write(append(text, '\n'))
	return 1
}
