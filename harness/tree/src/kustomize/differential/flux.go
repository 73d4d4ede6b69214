// Program flux builds folders as kustomize-controller does for a Kustomization: a line of JSON in, a line out.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/fluxcd/pkg/kustomize"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type task struct {
	Name          string         `json:"name"`
	Root          string         `json:"root"`
	Path          string         `json:"path"`
	Kustomization map[string]any `json:"kustomization"`
}

type line struct {
	Path    string            `json:"path"`
	Objects []json.RawMessage `json:"objects"`
	Error   string            `json:"error"`
}

func build(t task) (objects []json.RawMessage, err error) {
	folder := filepath.Join(t.Root, t.Path)
	object := unstructured.Unstructured{Object: t.Kustomization}
	if _, err := kustomize.NewGenerator(t.Root, object).WriteFile(folder); err != nil {
		return nil, err
	}
	resources, err := kustomize.SecureBuild(t.Root, folder, false)
	if err != nil {
		return nil, err
	}
	_, substitutes, _ := unstructured.NestedMap(t.Kustomization, "spec", "postBuild")
	for _, resource := range resources.Resources() {
		if substitutes {
			changed, err := kustomize.SubstituteVariables(context.Background(), nil, object, resource,
				kustomize.SubstituteWithDryRun(true), kustomize.SubstituteWithStrict(true))
			if err != nil {
				return nil, err
			}
			if changed != nil {
				resource = changed
			}
		}
		text, err := resource.MarshalJSON()
		if err != nil {
			return nil, err
		}
		objects = append(objects, text)
	}
	return objects, nil
}

func main() {
	out := json.NewEncoder(os.Stdout)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<24)
	for in.Scan() {
		var t task
		if err := json.Unmarshal(in.Bytes(), &t); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		built := line{Path: t.Name}
		objects, err := build(t)
		if built.Objects = objects; err != nil {
			built.Error = err.Error()
		}
		if err := out.Encode(built); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
