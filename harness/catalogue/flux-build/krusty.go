package main

import (
	"fmt"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

// krustyRunner runs kustomize in one process as if each build had its own.
//
// The OpenAPI schema is a global of upstream's that a kustomization can
// change, and to parse the built-in one takes 50 ms, which is more than most
// builds. So it is kept until a build has changed it.
type krustyRunner struct {
	// used says that the global may have been initialized.
	used bool
}

// flux runs as Build of github.com/fluxcd/pkg/kustomize
// (kustomize_generator.go) does: the built-in schema is there before the
// build, so that one of the tree adds to it.
func (k *krustyRunner) flux(fs filesys.FileSystem, dir string) (m resmap.ResMap, err error) {
	// kustomize panics on some invalid objects; upstream says it so.
	defer func() {
		if r := recover(); r != nil {
			m, err = nil, fmt.Errorf("recovered from kustomize build panic: %v", r)
		}
	}()
	_ = openapi.Schema()
	m, _, err = k.run(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone,
		PluginConfig:     types.DisabledPluginConfig(),
	}, fs, dir)
	return m, err
}

// cli runs as `kustomize build` does: a schema of the tree replaces the
// built-in one.
func (k *krustyRunner) cli(options *krusty.Options, fs filesys.FileSystem, dir string) (resmap.ResMap, error) {
	used := k.used
	m, changed, err := k.run(options, fs, dir)
	if changed && used {
		m, _, err = k.run(options, fs, dir)
	}
	return m, err
}

// run also returns whether the build has set a schema, which is reset then.
func (k *krustyRunner) run(options *krusty.Options, fs filesys.FileSystem, dir string) (m resmap.ResMap, changed bool, err error) {
	k.used = true
	// Also after a panic.
	sound := false
	defer func() {
		changed = openapi.GetSchemaVersion() != builtInSchema
		if changed || !sound {
			openapi.ResetOpenAPI()
			k.used = false
		}
	}()
	m, err = krusty.MakeKustomizer(options).Run(fs, dir)
	sound = true
	return m, changed, err
}

// builtInSchema is what upstream calls its schema before any build.
var builtInSchema = openapi.GetSchemaVersion()
