package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// builder builds a tree in any of the modes.
type builder struct {
	// root is the user's tree; empty where there is none.
	root string
	// list are the files and links of the tree that Flux would have a clone of.
	list []string
	// work is the folder for private copies.
	work    string
	remotes *remotes
	krusty  krustyRunner
	// artifacts are those of root by spec.ignore of their source, made at
	// first use. No build changes them. One that could not be made is not
	// tried again.
	artifacts map[string]sourced
	// current is the request that is being answered.
	current atomic.Int64
}

// sourced is an artifact, or why there is none.
type sourced struct {
	artifact *artifact
	err      error
}

// ownError is an error of this program or its machine, and not of upstream:
// of what Flux would say nothing is known.
type ownError struct {
	outcome outcome
	err     error
}

func (e *ownError) Error() string { return e.err.Error() }
func (e *ownError) Unwrap() error { return e.err }

// overLimit is the error for one of the limits in limits.go.
func overLimit(format string, args ...any) error {
	return &ownError{outcomeOverLimit, fmt.Errorf(format, args...)}
}

// failure is the error for anything else that is not upstream's.
func failure(err error) error {
	var own *ownError
	if errors.As(err, &own) {
		return err
	}
	return &ownError{outcomeFailed, err}
}

func tooLarge(name string) error {
	return overLimit("%s has more than %d MiB", name, fileMaxBytes>>20)
}

// buildError is an error with the stage that it is of.
type buildError struct {
	stage stage
	err   error
}

func (e *buildError) Error() string { return e.err.Error() }
func (e *buildError) Unwrap() error { return e.err }

func at(stage stage, err error) error { return &buildError{stage, err} }

// refused returns the answer for an error: a refusal where it is upstream's.
func refused(s stage, err error) answer {
	var staged *buildError
	if errors.As(err, &staged) {
		s = staged.stage
	}
	a := answer{Outcome: outcomeRefused, Refusal: &refusal{Stage: s, Message: err.Error()}}
	var own *ownError
	if errors.As(err, &own) {
		a.Outcome = own.outcome
	}
	return a
}

// answer builds what is requested.
func (b *builder) answer(req *request) answer {
	var a answer
	var err error
	// The private copy, whose paths nobody is to see.
	var copied string
	b.remotes.take()
	switch req.Mode {
	case modeFlux, "":
		a, copied, err = b.flux(req)
	case modeKustomize:
		a, copied, err = b.kustomize(req)
	default:
		err = at(stageRequest, failure(fmt.Errorf("unknown mode %q", req.Mode)))
	}
	if err != nil {
		failed := refused(stageBuild, err)
		a.Outcome, a.Refusal = failed.Outcome, failed.Refusal
		if a.Remotes = b.remotes.take(); len(a.Remotes) > 0 && a.Outcome == outcomeRefused {
			a.Outcome = outcomeRemote
		}
		// Upstream's code writes there too (kustomize clones into it), and
		// says what went wrong with it in words of its own.
		if err := b.probe(); err != nil && a.Outcome == outcomeRefused {
			failed := refused(stageBuild, failure(fmt.Errorf("cannot write to the work folder: %w", err)))
			a.Outcome, a.Refusal = failed.Outcome, failed.Refusal
		}
	} else if a.Outcome == "" {
		a.Outcome = outcomeBuilt
	}
	if a.Refusal != nil {
		a.Refusal.Message = strings.ReplaceAll(a.Refusal.Message, b.remotes.git, gitName)
		if copied != "" {
			a.Refusal.Message = inTree(a.Refusal.Message, copied, b.work)
		}
	}
	return a
}

// probe checks that the work folder can be written to.
func (b *builder) probe() error {
	return onDisk(func() error {
		file, err := os.CreateTemp(b.work, "probe-")
		if err != nil {
			return err
		}
		defer os.Remove(file.Name())
		_, err = file.Write(make([]byte, 4096))
		if closeErr := file.Close(); err == nil {
			err = closeErr
		}
		return err
	})
}

// inTree replaces the paths of a private copy by those in the tree, and those
// of the folders above it in the work folder by `..`.
func inTree(message, root, work string) string {
	pairs := []string{root + "/", "", root, "."}
	for up := ".."; root != work && root != "/"; up += "/.." {
		root = filepath.Dir(root)
		pairs = append(pairs, root+"/", up+"/", root, up)
	}
	return strings.NewReplacer(pairs...).Replace(message)
}

// kustomize is `kustomize build`: of the tree itself, which it only reads, and
// with all that is in it, as on the user's machine; or of files in memory.
func (b *builder) kustomize(req *request) (answer, string, error) {
	var a answer
	fs, dir := filesys.MakeFsOnDisk(), filepath.Join(b.root, req.Path)
	if req.Files != nil {
		fs, dir = filesys.MakeFsInMemory(), req.Path
		for _, file := range req.Files {
			if err := fs.WriteFile(file.Path, []byte(file.Text)); err != nil {
				return a, "", at(stageRequest, failure(err))
			}
		}
	} else if b.root == "" {
		return a, "", at(stageRequest, errNoTree)
	}
	options := &krusty.Options{
		Reorder:          krusty.ReorderOptionUnspecified,
		LoadRestrictions: types.LoadRestrictionsRootOnly,
		PluginConfig:     types.DisabledPluginConfig(),
	}
	if req.AnyFile {
		options.LoadRestrictions = types.LoadRestrictionsNone
	}
	if req.Unsorted {
		options.Reorder = krusty.ReorderOptionNone
	}
	// A tree in memory has the limits of its request.
	var observed *observedFS
	if req.Files == nil {
		observed = observe(fs, nil, false)
		fs = observed
	}
	m, err := b.krusty.cli(options, fs, dir)
	if observed != nil && observed.ended != nil {
		err = observed.ended
	}
	if err != nil {
		return a, "", at(stageBuild, err)
	}
	size := 0
	for _, res := range m.Resources() {
		o, err := built(res)
		if err != nil {
			return a, "", err
		}
		if size += len(o.Value) + len(o.YAML); size > answerMaxBytes {
			return a, "", at(stageBuild, errTooMany)
		}
		a.Objects = append(a.Objects, o)
	}
	return a, "", nil
}

var (
	errNoTree  = failure(errors.New("the process has no tree, and the request no files"))
	errTooMany = overLimit("the objects have more than %d MiB", answerMaxBytes>>20)
)

// artifactOf returns the copy of the tree, or one of the request's files, and
// what removes it again.
func (b *builder) artifactOf(req *request) (*artifact, func(), error) {
	keep := func() {}
	if req.Files != nil {
		var dir string
		err := onDisk(func() (err error) {
			dir, err = os.MkdirTemp(b.work, "files-")
			return err
		})
		if err != nil {
			return nil, keep, failure(err)
		}
		remove := func() { os.RemoveAll(dir) }
		source := filepath.Join(dir, "source")
		list, err := writeFiles(source, req.Files)
		if err != nil {
			return nil, remove, failure(err)
		}
		a, err := newArtifact(source, list, filepath.Join(dir, "artifact"), req.Ignore)
		return a, remove, err
	}
	if b.root == "" {
		return nil, keep, at(stageRequest, errNoTree)
	}
	key := ""
	if req.Ignore != nil {
		key = "spec.ignore:" + *req.Ignore
	}
	if known, ok := b.artifacts[key]; ok {
		return known.artifact, keep, known.err
	}
	if len(b.artifacts) == artifactsMax {
		return nil, keep, overLimit("the tree has more than %d sources with rules of their own", artifactsMax)
	}
	dir := filepath.Join(b.work, fmt.Sprintf("artifact-%d", len(b.artifacts)))
	a, err := newArtifact(b.root, b.list, dir, req.Ignore)
	if err != nil {
		a = nil
		_ = os.RemoveAll(dir)
	}
	b.artifacts[key] = sourced{a, err}
	return a, keep, err
}

// writeFiles writes files to a folder and returns their paths in it.
func writeFiles(root string, files []file) ([]string, error) {
	list := make([]string, 0, len(files))
	for _, file := range files {
		name := filepath.Clean(strings.TrimPrefix(file.Path, "/"))
		if !filepath.IsLocal(name) {
			return nil, fmt.Errorf("%q is not a path in the tree", file.Path)
		}
		if err := writeFile(filepath.Join(root, name), []byte(file.Text)); err != nil {
			return nil, err
		}
		list = append(list, name)
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}

// writeFile writes a file and makes the folders above it.
func writeFile(path string, text []byte) error {
	return onDisk(func() error {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		return os.WriteFile(path, text, 0o600)
	})
}
