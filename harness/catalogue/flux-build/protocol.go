package main

import "encoding/json"

// mode is how a tree is built.
type mode string

const (
	// modeFlux is what Flux's source-controller and kustomize-controller do.
	modeFlux mode = "flux"
	// modeKustomize is `kustomize build`, and nothing else.
	modeKustomize mode = "kustomize"
)

// request asks for one build.
type request struct {
	// ID is returned in the answer.
	ID int64 `json:"id"`
	// Mode is how to build; flux if it is empty.
	Mode mode `json:"mode,omitempty"`
	// Path is the folder to build, from the root of the tree.
	Path string `json:"path"`
	// Kustomization is the Flux Kustomization; without it a folder is built
	// as by one that has nothing but a path. For modeFlux only.
	Kustomization map[string]any `json:"kustomization,omitempty"`
	// Variables are the values of spec.postBuild.substituteFrom, merged in
	// their order.
	Variables map[string]string `json:"variables,omitempty"`
	// UnknownVariables says that values of substituteFrom are not known:
	// what has no value stays as it is and is named.
	UnknownVariables bool `json:"unknownVariables,omitempty"`
	// Ignore is spec.ignore of the source.
	Ignore *string `json:"ignore,omitempty"`
	// Files are the tree, instead of the folder of the process.
	Files []file `json:"files,omitempty"`
	// SkipOrigins leaves out where objects are from, which costs a second
	// build.
	SkipOrigins bool `json:"skipOrigins,omitempty"`
	// Printed asks for the objects as `kustomize build` prints them, too; for
	// modeFlux only, since modeKustomize always does.
	Printed bool `json:"printed,omitempty"`
	// AnyFile lifts kustomize's load restriction; for modeKustomize only.
	AnyFile bool `json:"anyFile,omitempty"`
	// Unsorted keeps the order of the resources, as krusty's own tests do;
	// for modeKustomize only.
	Unsorted bool `json:"unsorted,omitempty"`
}

// file is one file of a request.
type file struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// outcome is how a build ended.
type outcome string

const (
	// outcomeBuilt means that there are objects, and no error.
	outcomeBuilt outcome = "built"
	// outcomeRefused means that Flux or kustomize would report an error.
	outcomeRefused outcome = "refused"
	// outcomeRemote means that the tree names another repository or a URL,
	// which is not fetched here: Flux may be able to build it.
	outcomeRemote outcome = "remote"
	// outcomeOverLimit means that the build was ended by a limit of ours.
	outcomeOverLimit outcome = "overLimit"
	// outcomeFailed means that something of ours went wrong, such as a full
	// disk: what Flux would say is not known.
	outcomeFailed outcome = "failed"
)

// stage is the step that refused, in Flux's order.
type stage string

const (
	stageRequest    stage = "request"
	stageArtifact   stage = "artifact"
	stagePath       stage = "path"
	stageGenerate   stage = "generate"
	stageBuild      stage = "build"
	stageSubstitute stage = "substitute"
	stageRead       stage = "read"
	stageApply      stage = "apply"
)

// refusal is an error: with upstream's own words where the outcome is refused
// or remote, and else with ours. Paths are those of the tree.
type refusal struct {
	Stage   stage  `json:"stage"`
	Message string `json:"message"`
}

// answer is the result of one build.
type answer struct {
	ID      int64   `json:"id"`
	Outcome outcome `json:"outcome"`
	// Objects are in the order of the build. A build that is refused when it
	// is applied has them too.
	Objects []object `json:"objects,omitempty"`
	Refusal *refusal `json:"refusal,omitempty"`
	// Remotes are the URLs that would have to be fetched, as far as the
	// build got.
	Remotes []remote `json:"remotes,omitempty"`
	Notes   []note   `json:"notes,omitempty"`
	// Last says that the process ends after this answer.
	Last bool `json:"last,omitempty"`
}

// object is one object that would be applied.
type object struct {
	// Value is what the API server would get.
	Value json.RawMessage `json:"value"`
	// YAML is the same as `kustomize build` prints it, where that is asked for.
	YAML string `json:"yaml,omitempty"`
	// Origin is where it is from; absent where kustomize does not tell.
	Origin *origin `json:"origin,omitempty"`
	// Unresolved are the variables without a value that are still in it.
	Unresolved []string `json:"unresolved,omitempty"`
	// Defaulted are the variables whose default was taken although their
	// value is not known.
	Defaulted []string `json:"defaulted,omitempty"`
	// Encrypted are JSON pointers to values that SOPS has encrypted.
	Encrypted []string `json:"encrypted,omitempty"`
}

// origin is where kustomize has an object from; paths are those of the tree.
type origin struct {
	// Path is the file of a resource.
	Path string `json:"path,omitempty"`
	// ConfiguredIn is the kustomization of a generator.
	ConfiguredIn string `json:"configuredIn,omitempty"`
	// Generator is the kind of the generator.
	Generator string `json:"generator,omitempty"`
}

// remote is something that is not in the tree.
type remote struct {
	URL string `json:"url"`
	Ref string `json:"ref,omitempty"`
}

// noteKind is what a note is about.
type noteKind string

const (
	// noteGenerated: the folder has no kustomization, Flux generates it.
	noteGenerated noteKind = "generated"
	// noteMissingComponent: spec.ignoreMissingComponents leaves it out.
	noteMissingComponent noteKind = "missingComponent"
	// noteIgnored: the build asked for a file that .sourceignore or the
	// source-controller's own rules keep out of the artifact.
	noteIgnored noteKind = "ignored"
	// noteLink: the build asked for a symbolic link; artifacts have none.
	noteLink noteKind = "link"
	// noteSpecial: listed, and neither a file nor a folder when it was copied.
	noteSpecial noteKind = "special"
	// noteEncryptedFile: the build read a file that SOPS has encrypted, and
	// which Flux would decrypt before.
	noteEncryptedFile noteKind = "encryptedFile"
	// noteNotApplied: the kustomize-controller leaves the object out.
	noteNotApplied noteKind = "notApplied"
)

// note is something to know about an answer.
type note struct {
	Kind noteKind `json:"kind"`
	Path string   `json:"path,omitempty"`
}
