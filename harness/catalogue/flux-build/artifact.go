package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// artifact is a private copy of what the source-controller would archive.
type artifact struct {
	// dir is its root.
	dir string
	// omitted is what is in the tree and not in the artifact, by its path
	// from the root. What is below an omitted folder is not listed.
	omitted map[string]noteKind
	// withheld are the files that are empty in the copy, by their paths from
	// the root, with the reason. A build that reads one has no result.
	withheld map[string]error
}

// newArtifact copies the listed files of root to dir.
//
// It follows reconcileArtifact of the source-controller
// (internal/controller/gitrepository_controller.go) and Archive of
// github.com/fluxcd/pkg/artifact (storage/archive.go): files and folders
// that no pattern ignores; no links. The list stands for the clone, so what
// is in the folder and not in the list is not looked at.
func newArtifact(root string, list []string, dir string, ignore *string) (*artifact, error) {
	filter, err := ignoreFilter(root, list, dir+"-patterns", ignore)
	if err != nil {
		return nil, err
	}
	a := &artifact{dir: dir, omitted: map[string]noteKind{}, withheld: map[string]error{}}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, failure(err)
	}
	s := &selection{root: root, artifact: a, filter: filter, folders: map[string]bool{".": true}}
	for _, name := range list {
		if err := s.add(name); err != nil {
			return nil, err
		}
	}
	return a, s.copy()
}

// selection chooses what is copied.
type selection struct {
	root     string
	artifact *artifact
	filter   func(path string, isDir bool) bool
	// folders are those that were looked at, and whether files below them may
	// be in the artifact.
	folders map[string]bool
	files   []string
	bytes   int64
}

// add decides about one path of the list.
func (s *selection) add(name string) error {
	if !filepath.IsLocal(name) || !s.folder(filepath.Dir(name)) {
		return nil
	}
	path := filepath.Join(s.root, name)
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		// It was deleted after it was listed.
		s.artifact.omitted[name] = noteSpecial
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		s.artifact.omitted[name] = noteLink
		return nil
	case !info.Mode().IsRegular():
		s.artifact.omitted[name] = noteSpecial
		return nil
	case s.filter(path, false):
		s.artifact.omitted[name] = noteIgnored
		return nil
	}
	if size := info.Size(); size > fileMaxBytes {
		s.artifact.withheld[name] = tooLarge(name)
	} else {
		s.bytes += size
	}
	s.files = append(s.files, name)
	if len(s.files) > treeMaxFiles || s.bytes > treeMaxBytes {
		return overLimit("the tree has more than %d files or %d MiB", treeMaxFiles, int64(treeMaxBytes)>>20)
	}
	return nil
}

// folder decides about a folder and those above it, and reports whether what
// is below is looked at.
func (s *selection) folder(name string) bool {
	if open, known := s.folders[name]; known {
		return open
	}
	open := s.folder(filepath.Dir(name)) && s.open(name)
	s.folders[name] = open
	return open
}

func (s *selection) open(name string) bool {
	path := filepath.Join(s.root, name)
	info, err := os.Lstat(path)
	switch {
	case filepath.Base(name) == ".git":
		// Thousands of files that ExcludeVCS ignores one by one.
		s.artifact.omitted[name] = noteIgnored
		return false
	case err == nil && info.Mode()&fs.ModeSymlink != 0:
		// Git lists files below a folder that has become a link since.
		s.artifact.omitted[name] = noteLink
		return false
	case err != nil || !info.IsDir():
		s.artifact.omitted[name] = noteSpecial
		return false
	case s.filter(path, true):
		// What is below an ignored folder is matched by itself, as Archive
		// does.
		s.artifact.omitted[name] = noteIgnored
	}
	return true
}

// copy copies the chosen files.
func (s *selection) copy() error {
	for name := range s.folders {
		if _, omitted := s.artifact.omitted[name]; omitted || !s.folders[name] {
			continue
		}
		if err := os.MkdirAll(filepath.Join(s.artifact.dir, name), 0o700); err != nil {
			return failure(err)
		}
	}
	results := make([]copied, len(s.files))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for {
				index := int(next.Add(1)) - 1
				if index >= len(s.files) {
					return
				}
				name := s.files[index]
				from := filepath.Join(s.root, name)
				if s.artifact.withheld[name] != nil {
					from = os.DevNull
				}
				results[index] = copyFile(from, filepath.Join(s.artifact.dir, name))
			}
		})
	}
	workers.Wait()
	for index, result := range results {
		name := s.files[index]
		switch {
		case result.failed != nil:
			return failure(fmt.Errorf("cannot copy %s: %w", name, result.failed))
		case result.unreadable != nil:
			// The source-controller has a clone of its own, where that does
			// not happen.
			s.artifact.withheld[name] = failure(fmt.Errorf("cannot read %s: %w", name, result.unreadable))
		}
	}
	return nil
}

// copied is how the copy of a file ended. One whose original cannot be read
// is empty.
type copied struct{ unreadable, failed error }

func copyFile(from, to string) copied {
	// The folder itself may be ignored.
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return copied{failed: err}
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return copied{failed: err}
	}
	defer out.Close()
	// Neither a link nor a pipe, should it have become one.
	in, err := os.OpenFile(from, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return copied{unreadable: err}
	}
	defer in.Close()
	// It may have grown since its size was read.
	text, err := io.ReadAll(io.LimitReader(in, fileMaxBytes))
	if err != nil {
		return copied{unreadable: err}
	}
	_, err = out.Write(text)
	return copied{failed: err}
}

// ignoreFilter tells whether a path is not archived, as SourceIgnoreFilter of
// github.com/fluxcd/pkg/artifact (storage/archive.go) does: patterns of the
// tree or the source replace the default ones, except those of version control.
// The ignore files of the list are copied to the folder scratch, since
// upstream looks for them in every folder that there is.
func ignoreFilter(root string, list []string, scratch string, ignore *string) (func(path string, isDir bool) bool, error) {
	defer os.RemoveAll(scratch)
	if err := os.Mkdir(scratch, 0o700); err != nil {
		return nil, failure(err)
	}
	for _, name := range list {
		if filepath.Base(name) != sourceignore.IgnoreFile || !filepath.IsLocal(name) {
			continue
		}
		text, ok, err := ignoreFile(root, name)
		if err != nil {
			return nil, failure(err)
		}
		if !ok {
			continue
		}
		if err := writeFile(filepath.Join(scratch, name), text); err != nil {
			return nil, failure(err)
		}
	}
	domain := strings.Split(root, string(filepath.Separator))
	patterns, err := sourceignore.LoadIgnorePatterns(scratch, domain)
	if err != nil {
		return nil, failure(err)
	}
	if ignore != nil {
		patterns = append(patterns, sourceignore.ReadPatterns(strings.NewReader(*ignore), domain)...)
	}
	var matcher gitignore.Matcher
	if len(patterns) > 0 {
		matcher = sourceignore.NewMatcher(append(sourceignore.VCSPatterns(domain), patterns...))
	} else {
		matcher = sourceignore.NewDefaultMatcher(nil, domain)
	}
	return func(path string, isDir bool) bool {
		return matcher.Match(strings.Split(path, string(filepath.Separator)), isDir)
	}, nil
}

// ignoreFile returns the text of an ignore file, through a link where it is
// one, as in a clone; false where it is not there or leads out of the tree.
func ignoreFile(root, name string) ([]byte, bool, error) {
	root, err := filepath.EvalSymlinks(root)
	if err != nil {
		return nil, false, err
	}
	path, err := filepath.EvalSymlinks(filepath.Join(root, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, false, err
	}
	inner, err := filepath.Rel(root, path)
	if err != nil || !filepath.IsLocal(inner) || !info.Mode().IsRegular() {
		return nil, false, nil
	}
	if info.Size() > fileMaxBytes {
		return nil, false, tooLarge(name)
	}
	text, err := os.ReadFile(path)
	return text, err == nil, err
}

// readList returns the paths of a file that ends each with a NUL, cleaned,
// each once.
func readList(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the list of files: %w", err)
	}
	var list []string
	for _, name := range strings.Split(string(text), "\x00") {
		if name != "" {
			list = append(list, filepath.Clean(name))
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// omittedAt returns the path from the root that keeps path out of the
// artifact: its own, or that of a folder above it.
func (a *artifact) omittedAt(path string) (string, noteKind, bool) {
	name, err := filepath.Rel(a.dir, path)
	if err != nil {
		return "", "", false
	}
	for {
		if kind, ok := a.omitted[name]; ok {
			return name, kind, true
		}
		if name == "." || strings.HasPrefix(name, "..") {
			return "", "", false
		}
		name = filepath.Dir(name)
	}
}
