package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

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
}

// newArtifact copies root to dir.
//
// It follows reconcileArtifact of the source-controller
// (internal/controller/gitrepository_controller.go) and Archive of
// github.com/fluxcd/pkg/artifact (storage/archive.go): files and folders
// that no pattern ignores; no links.
func newArtifact(root, dir string, ignore *string) (*artifact, error) {
	filter, err := ignoreFilter(root, ignore)
	if err != nil {
		return nil, fmt.Errorf("failed to load source ignore patterns from repository: %w", err)
	}
	a := &artifact{dir: dir, omitted: map[string]noteKind{}}
	var files, bytes int64
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(root, path)
		if relErr != nil {
			return relErr
		}
		if err != nil {
			// A folder that cannot be read: source-controller has a clone of
			// its own, where that does not happen.
			a.omitted[name] = noteSpecial
			return nil
		}
		if entry.IsDir() {
			// Thousands of files that ExcludeVCS ignores one by one.
			if entry.Name() == ".git" {
				a.omitted[name] = noteIgnored
				return filepath.SkipDir
			}
			// What is below an ignored folder is matched by itself, as
			// Archive does.
			if name != "." && filter(path, true) {
				a.omitted[name] = noteIgnored
				return nil
			}
			return os.MkdirAll(filepath.Join(dir, name), 0o700)
		}
		if !entry.Type().IsRegular() {
			a.omitted[name] = noteSpecial
			if entry.Type()&fs.ModeSymlink != 0 {
				a.omitted[name] = noteLink
			}
			return nil
		}
		if filter(path, false) {
			a.omitted[name] = noteIgnored
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			a.omitted[name] = noteSpecial
			return nil
		}
		if info.Size() > fileMaxBytes {
			a.omitted[name] = noteTooLarge
			return nil
		}
		files++
		bytes += info.Size()
		if files > treeMaxFiles || bytes > treeMaxBytes {
			return fmt.Errorf("the tree has more than %d files or %d MiB", treeMaxFiles, int64(treeMaxBytes)>>20)
		}
		copied, err := copyFile(path, filepath.Join(dir, name))
		if err == nil && !copied {
			a.omitted[name] = noteSpecial
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return a, nil
}

// ignoreFilter tells whether a path is not archived, as SourceIgnoreFilter of
// github.com/fluxcd/pkg/artifact (storage/archive.go) does: patterns of the
// tree or the source replace the default ones, except those of version control.
func ignoreFilter(root string, ignore *string) (func(path string, isDir bool) bool, error) {
	domain := strings.Split(root, string(filepath.Separator))
	patterns, err := sourceignore.LoadIgnorePatterns(root, domain)
	if err != nil {
		return nil, err
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

// copyFile copies a file, and reports false where the original cannot be read.
func copyFile(from, to string) (bool, error) {
	in, err := os.Open(from)
	if err != nil {
		return false, nil
	}
	defer in.Close()
	// The folder itself may be ignored.
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return false, err
	}
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return false, err
	}
	// It may have grown since its size was read.
	_, err = io.Copy(out, io.LimitReader(in, fileMaxBytes))
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return false, fmt.Errorf("cannot copy %s: %w", from, err)
	}
	return true, nil
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
