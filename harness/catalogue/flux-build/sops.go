package main

import (
	"encoding/base64"
	"encoding/json"
	"sort"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/resource"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	decryptAnnotation = "kustomize.toolkit.fluxcd.io/decrypt"
	// sopsMask stands for what cannot be read here, as in the dry run of the
	// flux CLI (internal/build/build.go of github.com/fluxcd/flux2).
	sopsMask   = "**SOPS**"
	sopsPrefix = "ENC["
)

func isDecryptionDisabled(annotations map[string]string) bool {
	return strings.EqualFold(annotations[decryptAnnotation], "disabled")
}

// removeEncryption stands for DecryptResource of the kustomize-controller
// (internal/decryptor/decryptor.go), which has the keys: it removes what SOPS
// has added. Returns JSON pointers to what is encrypted.
func removeEncryption(res *resource.Resource) ([]string, error) {
	if isDecryptionDisabled(res.GetAnnotations()) {
		return nil, nil
	}
	if isSOPSEncrypted(res) {
		if err := res.PipeE(kyaml.FieldClearer{Name: "sops"}); err != nil {
			return nil, err
		}
		text, err := res.MarshalJSON()
		if err != nil {
			return nil, err
		}
		var value any
		if err := json.Unmarshal(text, &value); err != nil {
			return nil, err
		}
		pointers := encryptedValues(value, "", nil)
		if res.GetKind() == "Secret" {
			// Decrypted it is base64, which ciphertext is not.
			maskData(res, func(data string) bool { return strings.HasPrefix(data, sopsPrefix) })
		}
		return pointers, nil
	}
	if res.GetKind() != "Secret" {
		return nil, nil
	}
	masked := maskData(res, func(data string) bool {
		plain, err := base64.StdEncoding.DecodeString(data)
		return err == nil && isEncrypted(plain)
	})
	return masked, nil
}

func isSOPSEncrypted(res *resource.Resource) bool {
	sops := res.Field("sops")
	return !sops.IsNilOrEmpty() && !sops.Value.Field("mac").IsNilOrEmpty()
}

// maskData replaces values of a Secret, and returns JSON pointers to them.
func maskData(res *resource.Resource, encrypted func(string) bool) []string {
	data := res.GetDataMap()
	var pointers []string
	for key, value := range data {
		if encrypted(value) {
			data[key] = base64.StdEncoding.EncodeToString([]byte(sopsMask))
			pointers = append(pointers, "/data/"+escapePointer(key))
		}
	}
	if len(pointers) > 0 {
		res.SetDataMap(data)
	}
	sort.Strings(pointers)
	return pointers
}

// encryptedValues adds the JSON pointers of the values that SOPS has
// encrypted, in the order of their keys.
func encryptedValues(value any, at string, found []string) []string {
	switch value := value.(type) {
	case string:
		if strings.HasPrefix(value, sopsPrefix) {
			return append(found, at)
		}
	case []any:
		for index, item := range value {
			found = encryptedValues(item, at+"/"+strconv.Itoa(index), found)
		}
	case map[string]any:
		keys := make([]string, 0, len(value))
		for key := range value {
			keys = append(keys, key)
		}
		sort.Strings(keys)
		for _, key := range keys {
			found = encryptedValues(value[key], at+"/"+escapePointer(key), found)
		}
	}
	return found
}

// escapePointer writes a key as a part of a JSON pointer (RFC 6901).
func escapePointer(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(key)
}
