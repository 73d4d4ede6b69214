package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	// work is the folder for private copies.
	work    string
	remotes *remotes
	krusty  krustyRunner
	// artifacts are the copies of root by spec.ignore of their source, made
	// at first use. No build changes them.
	artifacts map[string]*artifact
	// current is the request that is being answered.
	current atomic.Int64
}

// buildError is an error with the stage that it is of.
type buildError struct {
	stage stage
	err   error
}

func (e *buildError) Error() string { return e.err.Error() }
func (e *buildError) Unwrap() error { return e.err }

func at(stage stage, err error) error { return &buildError{stage, err} }

// refused returns the answer for an error.
func refused(s stage, err error) answer {
	var staged *buildError
	if errors.As(err, &staged) {
		s = staged.stage
	}
	return answer{Outcome: outcomeRefused, Refusal: &refusal{Stage: s, Message: err.Error()}}
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
		err = at(stageRequest, fmt.Errorf("unknown mode %q", req.Mode))
	}
	if err != nil {
		failed := refused(stageBuild, err)
		a.Outcome, a.Refusal = failed.Outcome, failed.Refusal
		if a.Remotes = b.remotes.take(); len(a.Remotes) > 0 {
			a.Outcome = outcomeRemote
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

// kustomize is `kustomize build`: of the tree itself, which it only reads, or
// of files in memory.
func (b *builder) kustomize(req *request) (answer, string, error) {
	var a answer
	fs, dir := filesys.MakeFsOnDisk(), filepath.Join(b.root, req.Path)
	if req.Files != nil {
		fs, dir = filesys.MakeFsInMemory(), req.Path
		for _, file := range req.Files {
			if err := fs.WriteFile(file.Path, []byte(file.Text)); err != nil {
				return a, "", at(stageRequest, err)
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
	if req.Files == nil {
		fs = observe(fs, nil, false)
	}
	m, err := b.krusty.cli(options, fs, dir)
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
	errNoTree  = errors.New("the process has no tree, and the request no files")
	errTooMany = fmt.Errorf("the objects have more than %d MiB", answerMaxBytes>>20)
)

// artifactOf returns the copy of the tree, or one of the request's files, and
// what removes it again.
func (b *builder) artifactOf(req *request) (*artifact, func(), error) {
	keep := func() {}
	if req.Files != nil {
		dir, err := os.MkdirTemp(b.work, "files-")
		if err != nil {
			return nil, keep, err
		}
		remove := func() { os.RemoveAll(dir) }
		source := filepath.Join(dir, "source")
		if err := writeFiles(source, req.Files); err != nil {
			return nil, remove, err
		}
		a, err := newArtifact(source, filepath.Join(dir, "artifact"), req.Ignore)
		return a, remove, err
	}
	if b.root == "" {
		return nil, keep, at(stageRequest, errNoTree)
	}
	key := ""
	if req.Ignore != nil {
		key = "spec.ignore:" + *req.Ignore
	}
	if a, ok := b.artifacts[key]; ok {
		return a, keep, nil
	}
	if len(b.artifacts) == artifactsMax {
		return nil, keep, fmt.Errorf("the tree has more than %d sources with rules of their own", artifactsMax)
	}
	dir := filepath.Join(b.work, fmt.Sprintf("artifact-%d", len(b.artifacts)))
	a, err := newArtifact(b.root, dir, req.Ignore)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, keep, err
	}
	b.artifacts[key] = a
	return a, keep, nil
}

func writeFiles(root string, files []file) error {
	if err := os.MkdirAll(root, 0o700); err != nil {
		return err
	}
	for _, file := range files {
		path, err := below(root, file.Path)
		if err != nil {
			return at(stageRequest, err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.Text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// below returns the path of a file in a folder.
func below(root, path string) (string, error) {
	path = strings.TrimPrefix(path, "/")
	if !filepath.IsLocal(path) {
		return "", fmt.Errorf("%q is not a path in the tree", path)
	}
	return filepath.Join(root, path), nil
}
