// Command flux-build builds what Flux would build of a GitOps tree, with
// Flux's own code.
//
// It is a process that answers builds: one request a line on standard input,
// one answer a line on standard output (see protocol.go). It ends at the end
// of its input and on SIGTERM, and leaves nothing behind. It reads the tree
// and never writes to it, uses no network, and runs no plugin.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"sync"
	"syscall"
)

func main() {
	// kustomize clones remote bases with the `git` of its search path, which
	// is this program (see remote.go).
	if filepath.Base(os.Args[0]) == gitName {
		os.Exit(recordClone(os.Args[1:]))
	}
	root := flag.String("root", "", "the folder of the tree; not needed where every request brings its files")
	files := flag.String("files", "", "a file with the paths of the tree's files and links from its root, each with a NUL behind it")
	work := flag.String("work", "", "a folder for private copies, which is removed at the end; default: a new one")
	flag.Parse()
	if err := serveTree(*root, *files, *work); err != nil {
		fmt.Fprintln(os.Stderr, "flux-build:", err)
		os.Exit(1)
	}
}

// disk is held by whoever writes to the work folder.
var disk sync.Mutex

// onDisk writes to the work folder.
func onDisk(write func() error) error {
	disk.Lock()
	defer disk.Unlock()
	return write()
}

func serveTree(root, files, work string) error {
	debug.SetMemoryLimit(softMemoryMaxBytes)
	debug.SetMaxStack(stackMaxBytes)
	var list []string
	if files != "" {
		var err error
		if list, err = readList(files); err != nil {
			return err
		}
	}
	work, err := workFolder(work)
	if err != nil {
		return err
	}
	defer func() {
		// For good: a build that goes on must not write what is removed.
		disk.Lock()
		os.RemoveAll(work)
	}()
	if root != "" {
		// Patterns of .sourceignore are matched against absolute paths.
		if root, err = filepath.Abs(root); err != nil {
			return err
		}
	}
	remotes, err := noNetwork(work)
	if err != nil {
		return err
	}
	s := &server{
		builder: &builder{root: root, list: list, work: work, remotes: remotes, artifacts: map[string]sourced{}},
		out:     os.Stdout,
		stop:    make(chan struct{}),
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go func() {
		<-signals
		close(s.stop)
	}()
	return s.serve(os.Stdin)
}

// workFolder returns a folder of this process alone, which is also that of
// kustomize's temporary files.
func workFolder(work string) (string, error) {
	var err error
	if work == "" {
		if work, err = os.MkdirTemp("", "flux-build-"); err != nil {
			return "", fmt.Errorf("cannot create a folder for private copies: %w", err)
		}
	}
	// The secure file system compares paths with their links resolved.
	if work, err = filepath.EvalSymlinks(work); err != nil {
		return "", fmt.Errorf("cannot use the folder for private copies: %w", err)
	}
	if work, err = filepath.Abs(work); err != nil {
		return "", err
	}
	return work, os.Setenv("TMPDIR", work)
}
