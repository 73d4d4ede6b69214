package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// observedFS limits what a build reads, and records what it asked for in vain.
type observedFS struct {
	filesys.FileSystem
	// disk says that there is a disk below, artifact what is said to be on
	// it; nil where a build reads the tree itself.
	disk     bool
	artifact *artifact
	// written is a file that lies above the artifact, by its path from the root.
	written string
	// decrypts says that Flux would decrypt files.
	decrypts bool
	read     int64
	// ended is the first error of ours. kustomize may take it for something
	// else, such as a file that is a folder, and goes on.
	ended error
	notes []note
	noted map[note]bool
}

// observe observes a file system on the disk.
func observe(below filesys.FileSystem, a *artifact, decrypts bool) *observedFS {
	return &observedFS{FileSystem: below, disk: true, artifact: a, decrypts: decrypts, noted: map[note]bool{}}
}

func (o *observedFS) note(n note) {
	if !o.noted[n] {
		o.noted[n] = true
		o.notes = append(o.notes, n)
	}
}

// end records an error of ours and returns it.
func (o *observedFS) end(err error) error {
	if o.ended == nil {
		o.ended = err
	}
	return err
}

// missed records why a path is not in the artifact.
func (o *observedFS) missed(path string) {
	if o.artifact == nil {
		return
	}
	if name, kind, ok := o.artifact.omittedAt(filepath.Clean(path)); ok {
		o.note(note{Kind: kind, Path: name})
		if kind == noteSpecial {
			_ = o.end(failure(fmt.Errorf("cannot read %s, which changed while it was read or is not a file", name)))
		}
	}
}

func (o *observedFS) admit(path string, size int64) error {
	o.read += size
	switch {
	case size > fileMaxBytes:
		return o.end(tooLarge(path))
	case o.read > readMaxBytes:
		return o.end(overLimit("the build reads more than %d MiB", readMaxBytes>>20))
	}
	return nil
}

// need writes what upstream is to see of a path to the disk. An error ends the
// build.
func (o *observedFS) need(path string, there func(a *artifact, path string) error) {
	if o.artifact == nil {
		return
	}
	if err := there(o.artifact, path); err != nil {
		_ = o.end(err)
	}
}

// known returns the path from the root of a file or folder of the artifact,
// which is answered without the disk; the generated kustomization is there too
// and comes first.
func (o *observedFS) known(path string) (name string, isFile, isFolder bool) {
	if o.artifact == nil {
		return "", false, false
	}
	if name = o.artifact.name(path); name == o.written {
		return name, false, false
	}
	return name, o.artifact.files[name], o.artifact.folders[name]
}

// ReadFile implements filesys.FileSystem.
func (o *observedFS) ReadFile(path string) ([]byte, error) {
	name, isFile, isFolder := o.known(path)
	switch {
	case isFile:
		return o.readKnown(path, name)
	case isFolder:
		// As os.ReadFile says it.
		return nil, &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	}
	if o.artifact != nil {
		// Upstream has read the file that the written one is made of.
		if err := o.artifact.withheld[name]; err != nil {
			return nil, o.end(err)
		}
	}
	o.need(path, (*artifact).needFileAbove)
	if o.disk {
		// The generated kustomization is not there; a pipe would wait for ever.
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			if !info.Mode().IsRegular() {
				return nil, o.end(failure(fmt.Errorf("%s is not a regular file", path)))
			}
			if err := o.admit(path, info.Size()); err != nil {
				return nil, err
			}
		}
	}
	data, err := o.FileSystem.ReadFile(path)
	if err != nil {
		o.missed(path)
	}
	return data, err
}

func (o *observedFS) readKnown(path, name string) ([]byte, error) {
	data, err := o.artifact.read(name)
	if err != nil {
		return nil, o.end(err)
	}
	if err := o.admit(path, int64(len(data))); err != nil {
		return nil, err
	}
	if o.decrypts && isEncrypted(data) {
		o.note(note{Kind: noteEncryptedFile, Path: name})
	}
	return data, nil
}

// Exists implements filesys.FileSystem.
func (o *observedFS) Exists(path string) bool {
	if _, isFile, isFolder := o.known(path); isFile || isFolder {
		return true
	}
	exists := o.FileSystem.Exists(path)
	if !exists {
		o.missed(path)
	}
	return exists
}

// CleanedAbs implements filesys.FileSystem.
func (o *observedFS) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	// There are no links in an artifact.
	switch name, isFile, isFolder := o.known(path); {
	case isFile:
		path = filepath.Join(o.artifact.dir, name)
		return filesys.ConfirmedDir(filepath.Dir(path)), filepath.Base(path), nil
	case isFolder:
		return filesys.ConfirmedDir(filepath.Join(o.artifact.dir, name)), "", nil
	}
	o.need(path, (*artifact).needAbove)
	dir, name, err := o.FileSystem.CleanedAbs(path)
	if err != nil {
		o.missed(path)
	}
	return dir, name, err
}

// IsDir implements filesys.FileSystem.
func (o *observedFS) IsDir(path string) bool {
	if _, isFile, isFolder := o.known(path); isFile || isFolder {
		return isFolder
	}
	return o.FileSystem.IsDir(path)
}

// Open implements filesys.FileSystem.
func (o *observedFS) Open(path string) (filesys.File, error) {
	o.need(path, (*artifact).need)
	return o.FileSystem.Open(path)
}

// ReadDir implements filesys.FileSystem.
func (o *observedFS) ReadDir(path string) ([]string, error) {
	o.need(path, (*artifact).need)
	return o.FileSystem.ReadDir(path)
}

// Glob implements filesys.FileSystem.
func (o *observedFS) Glob(pattern string) ([]string, error) {
	fixed, _, _ := strings.Cut(pattern, "*")
	fixed, _, _ = strings.Cut(fixed, "?")
	fixed, _, _ = strings.Cut(fixed, "[")
	o.need(filepath.Dir(fixed), (*artifact).needBelow)
	return o.FileSystem.Glob(pattern)
}

// Walk implements filesys.FileSystem.
func (o *observedFS) Walk(path string, walk filepath.WalkFunc) error {
	o.need(path, (*artifact).needBelow)
	return o.FileSystem.Walk(path, walk)
}

// sopsMarkers tell an encrypted file (sopsFormatToMarkerBytes in
// internal/decryptor/decryptor.go of the kustomize-controller).
var sopsMarkers = [][]byte{
	[]byte("\"mac\": \"ENC["),
	[]byte("sops_mac=ENC["),
	[]byte("[sops]"),
	[]byte("mac: ENC["),
}

func isEncrypted(data []byte) bool {
	for _, marker := range sopsMarkers {
		if bytes.Contains(data, marker) {
			return true
		}
	}
	return false
}
