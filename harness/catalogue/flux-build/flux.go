package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	generator "github.com/fluxcd/pkg/kustomize"
	securefs "github.com/fluxcd/pkg/kustomize/filesys"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// flux builds as reconcile, generate, build and apply of the
// kustomize-controller do (internal/controller/kustomization_controller.go),
// with its feature gates at their defaults. It ends where the controller
// would ask the API server.
func (b *builder) flux(req *request) (answer, string, error) {
	var a answer
	art, remove, err := b.artifactOf(req)
	defer remove()
	if err != nil {
		return a, "", at(stageArtifact, err)
	}
	k, err := newFluxKustomization(req)
	if err != nil {
		return a, art.dir, at(stageRequest, err)
	}
	// SecureJoin in a folder without links.
	dir := filepath.Join(art.dir, filepath.Clean("/"+req.Path))
	if err := k.need(art, dir); err != nil {
		return a, art.dir, at(stageArtifact, err)
	}
	if _, err := os.Stat(dir); err != nil {
		if name, kind, ok := art.omittedAt(dir); ok {
			a.Notes = append(a.Notes, note{Kind: kind, Path: name})
			if kind == noteSpecial {
				return a, art.dir, at(stagePath, failure(fmt.Errorf("cannot read %s", name)))
			}
		}
		return a, art.dir, at(stagePath, fmt.Errorf("kustomization path not found: %w", err))
	}

	manifest, kfile, action, err := generator.NewGenerator(art.dir, k.object).GenerateManifest(dir)
	if err != nil {
		return a, art.dir, at(stageGenerate, err)
	}
	if action == generator.CreatedAction {
		a.Notes = append(a.Notes, note{Kind: noteGenerated, Path: art.name(kfile)})
	}
	a.Notes = append(a.Notes, k.missingComponents(art, dir)...)

	secure, err := securefs.MakeFsOnDiskSecureBuild(art.dir)
	if err != nil {
		return a, art.dir, at(stageBuild, failure(err))
	}
	// The controller writes the manifest into its copy; here it lies above
	// that, so that the next build finds it as it was.
	observed := overlaid(secure, kfile, manifest, art, k.decrypts)
	m, err := b.krusty.flux(observed, dir)
	a.Notes = append(a.Notes, observed.notes...)
	if art.broken != nil {
		return a, art.dir, at(stageArtifact, art.broken)
	}
	if observed.ended != nil {
		return a, art.dir, at(stageBuild, observed.ended)
	}
	if err != nil {
		return a, art.dir, at(stageBuild, fmt.Errorf("kustomize build failed: %w", err))
	}

	var origins []*origin
	if !req.SkipOrigins {
		origins = b.originsOf(secure, kfile, manifest, dir, m, art)
	}
	if err := k.finish(m, origins, &a); err != nil {
		return a, art.dir, err
	}
	return a, art.dir, nil
}

// name returns a path of the copy as one of the tree.
func (a *artifact) name(path string) string {
	name, err := filepath.Rel(a.dir, path)
	if err != nil {
		return path
	}
	return name
}

// overlaid is an artifact with a file above it.
func overlaid(below filesys.FileSystem, path string, text []byte, art *artifact, decrypts bool) *observedFS {
	memory := securefs.MakeFsInMemory(below)
	// A file system in memory takes every absolute path.
	_ = memory.WriteFile(path, text)
	observed := observe(memory, art, decrypts)
	observed.written = art.name(path)
	return observed
}

// fluxKustomization is what the build reads of a Flux Kustomization.
type fluxKustomization struct {
	object unstructured.Unstructured
	// substitutes says whether there is a postBuild, and always whether it
	// substitutes without variables too.
	substitutes, always bool
	// unknown says that there are variables whose values are not known.
	unknown bool
	// printed asks for the text of the objects too.
	printed     bool
	vars        map[string]string
	decrypts    bool
	labels      map[string]string
	annotations map[string]string
}

func newFluxKustomization(req *request) (*fluxKustomization, error) {
	k := &fluxKustomization{
		object:  unstructured.Unstructured{Object: req.Kustomization},
		printed: req.Printed,
		vars:    map[string]string{},
	}
	if k.object.Object == nil {
		k.object.Object = map[string]any{}
	}
	spec := func(fields ...string) []string { return append([]string{"spec"}, fields...) }
	_, k.substitutes, _ = unstructured.NestedMap(k.object.Object, spec("postBuild")...)
	strategy, _, _ := unstructured.NestedString(k.object.Object, spec("postBuild", "substituteStrategy")...)
	k.always = strategy == "Always"
	provider, _, _ := unstructured.NestedString(k.object.Object, spec("decryption", "provider")...)
	k.decrypts = provider == "sops"
	var errs [3]error
	k.labels, _, errs[0] = unstructured.NestedStringMap(k.object.Object, spec("commonMetadata", "labels")...)
	k.annotations, _, errs[1] = unstructured.NestedStringMap(k.object.Object, spec("commonMetadata", "annotations")...)
	inline, _, err := unstructured.NestedStringMap(k.object.Object, spec("postBuild", "substitute")...)
	errs[2] = err
	if err := errors.Join(errs[:]...); err != nil {
		return nil, err
	}
	if !k.substitutes {
		return k, nil
	}
	// LoadVariables reads them from the cluster, and those in the object
	// override them. Here all are in the object, and the cluster is not asked.
	for _, values := range []map[string]string{req.Variables, inline} {
		for name, value := range values {
			k.vars[name] = value
		}
	}
	merged := make(map[string]any, len(k.vars))
	for name, value := range k.vars {
		merged[name] = value
	}
	k.object.Object = k.object.DeepCopy().Object
	if err := unstructured.SetNestedMap(k.object.Object, merged, spec("postBuild", "substitute")...); err != nil {
		return nil, err
	}
	if req.UnknownVariables {
		// With any variable the controller substitutes.
		k.unknown, k.always = true, true
	}
	return k, nil
}

// need copies what the generator reads, which has a file system of its own: the
// kustomization of the folder, or everything below where there is none, and
// whether there are the components that the object adds.
func (k *fluxKustomization) need(art *artifact, dir string) error {
	components, _, _ := unstructured.NestedStringSlice(k.object.Object, "spec", "components")
	for _, component := range components {
		if err := art.need(filepath.Join(dir, component)); err != nil {
			return err
		}
	}
	if err := art.need(dir); err != nil {
		return err
	}
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if info, err := os.Stat(filepath.Join(dir, name)); err == nil && !info.IsDir() {
			return nil
		}
	}
	return art.needBelow(dir)
}

// missingComponents names what ignoreMissingComponents leaves out.
func (k *fluxKustomization) missingComponents(art *artifact, dir string) []note {
	if ignored, _, _ := unstructured.NestedBool(k.object.Object, "spec", "ignoreMissingComponents"); !ignored {
		return nil
	}
	components, _, _ := unstructured.NestedStringSlice(k.object.Object, "spec", "components")
	var notes []note
	for _, component := range components {
		path := filepath.Join(dir, component)
		if _, err := os.Stat(path); err != nil {
			notes = append(notes, note{Kind: noteMissingComponent, Path: art.name(path)})
		}
	}
	return notes
}

// finish does what follows the build, object by object.
func (k *fluxKustomization) finish(m resmap.ResMap, origins []*origin, a *answer) error {
	var size int
	for index, res := range m.Resources() {
		if res.GetName() == "" || res.GetKind() == "" || res.GetApiVersion() == "" {
			return at(stageBuild,
				fmt.Errorf("failed to decode Kubernetes apiVersion, kind and name from: %v", res.String()))
		}
		var encrypted, unresolved, defaulted []string
		if k.decrypts {
			var err error
			if encrypted, err = removeEncryption(res); err != nil {
				return at(stageBuild, failure(fmt.Errorf("decryption failed for '%s/%s': %w", res.GetGvk(), res.GetName(), err)))
			}
		}
		if k.substitutes {
			var err error
			if k.unknown {
				if unresolved, defaulted, err = keepUnknown(res, k.vars); err != nil {
					return at(stageSubstitute, failure(err))
				}
			}
			out, err := generator.SubstituteVariables(context.Background(), nil, k.object, res,
				generator.SubstituteWithDryRun(true),
				generator.SubstituteWithStrict(true),
				generator.SubstituteWithAlways(k.always))
			if err != nil {
				return at(stageSubstitute, fmt.Errorf("post build failed for '%s/%s': %w", res.GetGvk(), res.GetName(), err))
			}
			if out != nil {
				if _, err = m.Replace(res); err != nil {
					return at(stageSubstitute, err)
				}
			}
		}
		objects, err := k.applied(res, a)
		if err != nil {
			return err
		}
		for _, o := range objects {
			if origins != nil {
				o.Origin = origins[index]
			}
			o.Encrypted, o.Unresolved, o.Defaulted = encrypted, unresolved, defaulted
			if size += len(o.Value) + len(o.YAML); size > answerMaxBytes {
				return at(stageBuild, errTooMany)
			}
			a.Objects = append(a.Objects, o)
		}
	}
	return nil
}

// originsOf builds again with kustomize's own tracking. The annotations are
// there during that build and can change it (a patch that adds the first
// annotation fails without them), so its objects are not used.
func (b *builder) originsOf(secure filesys.FileSystem, kfile string, manifest []byte, dir string, m resmap.ResMap, art *artifact) []*origin {
	var kus types.Kustomization
	if err := yaml.Unmarshal(manifest, &kus); err != nil {
		return nil
	}
	tracked := m
	if !slices.Contains(kus.BuildMetadata, types.OriginAnnotations) {
		kus.BuildMetadata = append(kus.BuildMetadata, types.OriginAnnotations)
		text, err := yaml.Marshal(kus)
		if err != nil {
			return nil
		}
		tracked, err = b.krusty.flux(overlaid(secure, kfile, text, art, false), dir)
		if err != nil || tracked.Size() != m.Size() {
			return nil
		}
	}
	origins := make([]*origin, m.Size())
	for index, res := range tracked.Resources() {
		from, err := res.GetOrigin()
		// From another repository nothing can be shown.
		if err != nil || from == nil || from.Repo != "" || res.CurId() != m.Resources()[index].CurId() {
			continue
		}
		place := func(path string) string {
			if path == "" {
				return ""
			}
			return strings.TrimPrefix(art.name(filepath.Join(dir, path)), "./")
		}
		origins[index] = &origin{
			Path:         place(from.Path),
			ConfiguredIn: place(from.ConfiguredIn),
			Generator:    from.ConfiguredBy.Kind,
		}
	}
	return origins
}
