package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// observedFS limits what a build reads, and records what it asked for in vain.
type observedFS struct {
	filesys.FileSystem
	// disk says that there is a disk below, artifact which copy on it; nil
	// where a build reads the tree itself.
	disk     bool
	artifact *artifact
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
func observe(fs filesys.FileSystem, a *artifact, decrypts bool) *observedFS {
	return &observedFS{FileSystem: fs, disk: true, artifact: a, decrypts: decrypts, noted: map[note]bool{}}
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

// need copies what a build is to see at a path. Its error ends the build.
func (o *observedFS) need(path string) {
	if o.artifact == nil {
		return
	}
	if err := o.artifact.need(path); err != nil {
		_ = o.end(err)
	}
}

func (o *observedFS) needBelow(path string) {
	if o.artifact == nil {
		return
	}
	if err := o.artifact.needBelow(path); err != nil {
		_ = o.end(err)
	}
}

// ReadFile implements filesys.FileSystem.
func (o *observedFS) ReadFile(path string) ([]byte, error) {
	o.need(path)
	if o.artifact != nil {
		if err := o.artifact.withheld[o.artifact.name(path)]; err != nil {
			return nil, o.end(err)
		}
	}
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
	if err == nil && o.decrypts && o.artifact != nil && isEncrypted(data) {
		if name, err := filepath.Rel(o.artifact.dir, path); err == nil {
			o.note(note{Kind: noteEncryptedFile, Path: name})
		}
	}
	return data, err
}

// Exists implements filesys.FileSystem.
func (o *observedFS) Exists(path string) bool {
	o.need(path)
	exists := o.FileSystem.Exists(path)
	if !exists {
		o.missed(path)
	}
	return exists
}

// CleanedAbs implements filesys.FileSystem.
func (o *observedFS) CleanedAbs(path string) (filesys.ConfirmedDir, string, error) {
	o.need(path)
	dir, name, err := o.FileSystem.CleanedAbs(path)
	if err != nil {
		o.missed(path)
	}
	return dir, name, err
}

// IsDir implements filesys.FileSystem.
func (o *observedFS) IsDir(path string) bool {
	o.need(path)
	return o.FileSystem.IsDir(path)
}

// Open implements filesys.FileSystem.
func (o *observedFS) Open(path string) (filesys.File, error) {
	o.need(path)
	return o.FileSystem.Open(path)
}

// ReadDir implements filesys.FileSystem.
func (o *observedFS) ReadDir(path string) ([]string, error) {
	o.need(path)
	return o.FileSystem.ReadDir(path)
}

// Glob implements filesys.FileSystem.
func (o *observedFS) Glob(pattern string) ([]string, error) {
	fixed, _, _ := strings.Cut(pattern, "*")
	fixed, _, _ = strings.Cut(fixed, "?")
	fixed, _, _ = strings.Cut(fixed, "[")
	o.needBelow(filepath.Dir(fixed))
	return o.FileSystem.Glob(pattern)
}

// Walk implements filesys.FileSystem.
func (o *observedFS) Walk(path string, walk filepath.WalkFunc) error {
	o.needBelow(path)
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
