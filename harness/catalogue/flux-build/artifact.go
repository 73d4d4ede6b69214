package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

// artifact is what the source-controller would archive, as if it had been
// unpacked into a folder. A build reads the files of the tree; on the disk is
// only what need has written there, for upstream's own look at it.
type artifact struct {
	// root is the folder of the tree, dir that of the artifact.
	root, dir string
	// files and folders are in the artifact, by their paths from the root.
	files, folders map[string]bool
	// omitted is what is in the tree and not in the artifact, by its path
	// from the root. What is below an omitted folder is not listed.
	omitted map[string]noteKind
	// withheld are the files that no build may read, by their paths from the
	// root, with the reason.
	withheld map[string]error
	// pending are the files that are not on the disk yet, by their folder.
	pending map[string][]string
	// written is how much is.
	written int64
	// broken is why there is no more to be had of it.
	broken error
}

// newArtifact returns what is archived of the listed files of root, as if it
// had been unpacked into dir.
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
	a := &artifact{
		root:     root,
		dir:      dir,
		files:    map[string]bool{},
		folders:  map[string]bool{".": true},
		omitted:  map[string]noteKind{},
		withheld: map[string]error{},
		pending:  map[string][]string{},
	}
	if err := onDisk(func() error { return os.Mkdir(dir, 0o700) }); err != nil {
		return nil, failure(err)
	}
	s := &selection{root: root, artifact: a, filter: filter, folders: map[string]bool{".": true}}
	for _, name := range list {
		s.add(name)
	}
	s.close()
	return a, nil
}

// selection chooses what is archived.
type selection struct {
	root     string
	artifact *artifact
	filter   func(path string, isDir bool) bool
	// folders are those that were looked at, and whether files below them may
	// be in the artifact.
	folders map[string]bool
}

// add decides about one path of the list.
func (s *selection) add(name string) {
	if !filepath.IsLocal(name) || !s.folder(filepath.Dir(name)) {
		return
	}
	path := filepath.Join(s.root, name)
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		// It was deleted after it was listed.
		s.artifact.omitted[name] = noteSpecial
		return
	case info.Mode()&fs.ModeSymlink != 0:
		s.artifact.omitted[name] = noteLink
		return
	case !info.Mode().IsRegular():
		s.artifact.omitted[name] = noteSpecial
		return
	case s.filter(path, false):
		s.artifact.omitted[name] = noteIgnored
		return
	}
	if info.Size() > fileMaxBytes {
		s.artifact.withheld[name] = tooLarge(name)
	}
	folder := filepath.Dir(name)
	s.artifact.files[name] = true
	s.artifact.pending[folder] = append(s.artifact.pending[folder], name)
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

// close adds the folders of what was chosen.
func (s *selection) close() {
	add := func(name string) {
		for ; !s.artifact.folders[name]; name = filepath.Dir(name) {
			s.artifact.folders[name] = true
		}
	}
	for name, open := range s.folders {
		if _, omitted := s.artifact.omitted[name]; !omitted && open {
			add(name)
		}
	}
	for name := range s.artifact.pending {
		// The folder itself may be ignored.
		add(name)
	}
}

// need writes what is at a path to the disk: a file with its siblings, or a
// folder with its files.
func (a *artifact) need(path string) error {
	name := a.name(path)
	for _, folder := range []string{filepath.Dir(name), name} {
		if err := a.needFolder(folder); err != nil {
			return err
		}
		files := a.pending[folder]
		delete(a.pending, folder)
		for _, file := range files {
			if a.broken = a.copy(file); a.broken != nil {
				return a.broken
			}
		}
	}
	return nil
}

// needFolder writes a folder to the disk, without its files.
func (a *artifact) needFolder(name string) error {
	if a.broken == nil && a.folders[name] {
		if err := onDisk(func() error { return os.MkdirAll(filepath.Join(a.dir, name), 0o700) }); err != nil {
			a.broken = failure(err)
		}
	}
	return a.broken
}

// needAbove writes the nearest thing above a path that is not in the artifact
// to the disk: errors name the part of the path that is missing.
func (a *artifact) needAbove(path string) error {
	name := a.nearest(path)
	if a.files[name] {
		return a.need(filepath.Join(a.dir, name))
	}
	return a.needFolder(name)
}

// needFileAbove does so only where that thing is a file, which errors name too.
func (a *artifact) needFileAbove(path string) error {
	if name := a.nearest(path); a.files[name] {
		return a.need(filepath.Join(a.dir, name))
	}
	return a.broken
}

// nearest returns what of a path is in the artifact, from the root.
func (a *artifact) nearest(path string) string {
	name := a.name(path)
	for !a.files[name] && !a.folders[name] {
		name = filepath.Dir(name)
	}
	return name
}

// read returns the content of a file of the artifact.
func (a *artifact) read(name string) ([]byte, error) {
	if err := a.withheld[name]; err != nil {
		return nil, err
	}
	text, err := readRegular(filepath.Join(a.root, name))
	switch {
	case err != nil:
		// The source-controller has a clone of its own, where that does not
		// happen.
		err = failure(fmt.Errorf("cannot read %s: %w", name, err))
	case len(text) > fileMaxBytes:
		err = tooLarge(name)
	}
	if err != nil {
		a.withheld[name] = err
	}
	return text, err
}

// needBelow writes everything below a folder to the disk.
func (a *artifact) needBelow(path string) error {
	top := a.name(path)
	for folder := range a.folders {
		if top == "." || folder == top || strings.HasPrefix(folder, top+"/") {
			if err := a.need(filepath.Join(a.dir, folder)); err != nil {
				return err
			}
		}
	}
	return a.need(path)
}

// copy copies a file; one that is withheld is empty.
func (a *artifact) copy(name string) error {
	text, err := a.read(name)
	if err != nil {
		text = nil
	}
	if a.written += int64(len(text)); a.written > copyMaxBytes {
		return overLimit("the folders that are built have more than %d MiB", int64(copyMaxBytes)>>20)
	}
	return onDisk(func() error {
		out, err := os.OpenFile(filepath.Join(a.dir, name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return failure(err)
		}
		defer out.Close()
		if _, err := out.Write(text); err != nil {
			return failure(fmt.Errorf("cannot copy %s: %w", name, err))
		}
		return nil
	})
}

// readRegular reads a file of the tree as far as its size can matter: neither
// a link nor a pipe, should it have become one.
func readRegular(path string) ([]byte, error) {
	in, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.LimitReader(in, fileMaxBytes+1))
}

// ignoreFilter tells whether a path is not archived, as SourceIgnoreFilter of
// github.com/fluxcd/pkg/artifact (storage/archive.go) does: patterns of the
// tree or the source replace the default ones, except those of version control.
// The ignore files of the list are copied to the folder scratch, since
// upstream looks for them in every folder that there is.
func ignoreFilter(root string, list []string, scratch string, ignore *string) (func(path string, isDir bool) bool, error) {
	defer os.RemoveAll(scratch)
	if err := onDisk(func() error { return os.Mkdir(scratch, 0o700) }); err != nil {
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
