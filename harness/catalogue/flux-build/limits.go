package main

import "time"

// What one process and one build may use. Where a build needs more the answer
// is overLimit and never a refusal: Flux has none of these limits. The client
// has a longer time limit than buildMax, so that it gets the answer.
const (
	// fileMaxBytes is the largest file that is copied and that a build may
	// read: etcd takes no object of more than 1.5 MB, and a file may hold
	// several.
	fileMaxBytes = 8 << 20
	// copyMaxBytes limits what is copied of a tree: little, unless folders
	// without a kustomization are built.
	copyMaxBytes = 1 << 30
	// readMaxBytes is what one build may read altogether; a base that is
	// used twice counts twice.
	readMaxBytes = 512 << 20
	// answerMaxBytes limits the objects of one answer, as JSON and as YAML.
	answerMaxBytes = 64 << 20
	// requestMaxBytes limits a request, which may hold files.
	requestMaxBytes = 64 << 20
	// artifactsMax is the number of sources with rules of their own
	// (spec.ignore) that a process keeps copies for.
	artifactsMax = 16

	// buildMax is the longest time for one build.
	buildMax = 60 * time.Second
	// watchEvery is how often the use of a build is looked at.
	watchEvery = 10 * time.Millisecond

	// memoryMaxBytes is where a build ends: kustomize expands YAML
	// anchors without a limit of its own.
	memoryMaxBytes = 1 << 30
	// softMemoryMaxBytes is where Go starts to collect garbage harder.
	softMemoryMaxBytes = 512 << 20
	// stacksMaxBytes is where an endless recursion is noticed: an anchor
	// within itself is one for kustomize.
	stacksMaxBytes = 64 << 20
	// stackMaxBytes is where Go ends the process if it was not noticed in
	// time; the client sees that.
	stackMaxBytes = 512 << 20
)
