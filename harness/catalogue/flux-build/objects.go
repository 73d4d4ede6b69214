package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/fluxcd/pkg/ssa/normalize"
	ssautil "github.com/fluxcd/pkg/ssa/utils"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"
)

// built returns a resource as `kustomize build` prints it, with its value as
// kubectl reads that.
func built(res *resource.Resource) (object, error) {
	text, err := res.AsYAML()
	if err != nil {
		return object{}, at(stageBuild, err)
	}
	value, err := yaml.YAMLToJSON(text)
	if err != nil {
		return object{}, at(stageRead, err)
	}
	return object{Value: value, YAML: string(text)}, nil
}

// applied returns what the kustomize-controller reads of a resource and sends
// to the API server: the items of a list one by one, and not what is no
// Kubernetes object.
//
// Upstream's normalization (github.com/fluxcd/pkg/ssa/normalize) is left out:
// it drops the fields that Kubernetes' own types do not have, and a check
// wants to see those.
func (k *fluxKustomization) applied(res *resource.Resource, a *answer) ([]object, error) {
	text, err := res.AsYAML()
	if err != nil {
		return nil, at(stageBuild, fmt.Errorf("kustomize build failed: %w", err))
	}
	read, err := ssautil.ReadObjects(bytes.NewReader(text))
	if err != nil {
		return nil, at(stageRead, err)
	}
	if len(read) == 0 {
		a.Notes = append(a.Notes, note{Kind: noteNotApplied, Path: res.GetKind() + "/" + res.GetName()})
	}
	// Whether what is applied is still what was built.
	asBuilt := len(read) == 1 && len(k.labels) == 0 && len(k.annotations) == 0
	ssautil.SetCommonMetadata(read, k.labels, k.annotations)
	objects := make([]object, 0, len(read))
	for _, item := range read {
		value, err := json.Marshal(item.Object)
		if err != nil {
			return nil, at(stageRead, failure(err))
		}
		o := object{Value: value}
		if k.printed && asBuilt {
			o.YAML = string(text)
		} else if k.printed {
			again, err := yaml.Marshal(item.Object)
			if err != nil {
				return nil, at(stageRead, failure(err))
			}
			o.YAML = string(again)
		}
		objects = append(objects, o)
		if err := refuseEncryptedSecret(item); err != nil && a.Refusal == nil {
			a.Outcome, a.Refusal = outcomeRefused, &refusal{Stage: stageApply, Message: err.Error()}
		}
	}
	return objects, nil
}

// refuseEncryptedSecret is the controller's last check before it applies
// (apply, and IsEncryptedSecret of internal/decryptor/decryptor.go). A Secret
// that the normalization can read has lost its `sops` field by then and is
// applied with its ciphertext.
func refuseEncryptedSecret(item *unstructured.Unstructured) error {
	if item.GetKind() != "Secret" || item.GetAPIVersion() != "v1" || item.Object["sops"] == nil {
		return nil
	}
	if isDecryptionDisabled(item.GetAnnotations()) {
		return nil
	}
	normalized := item.DeepCopy()
	if err := normalize.Unstructured(normalized); err != nil {
		return fmt.Errorf("%s normalization error: %w", ssautil.FmtUnstructured(item), err)
	}
	if _, found := normalized.Object["sops"]; !found {
		return nil
	}
	return fmt.Errorf("%s is SOPS encrypted, configuring decryption is required for this secret to be reconciled",
		ssautil.FmtUnstructured(item))
}
