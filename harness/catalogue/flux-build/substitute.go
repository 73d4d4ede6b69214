package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/fluxcd/pkg/envsubst/parse"
	generator "github.com/fluxcd/pkg/kustomize"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/yaml"
)

// keepUnknown escapes every expression of a resource that has no value
// without a variable that is not known, so that upstream's substitution
// leaves it as it is. Returns the names of those variables, and of those that
// are not known where a default was taken.
func keepUnknown(res *resource.Resource, vars map[string]string) (unresolved, defaulted []string, err error) {
	const key = "kustomize.toolkit.fluxcd.io/substitute"
	if res.GetLabels()[key] == generator.DisabledValue || res.GetAnnotations()[key] == generator.DisabledValue {
		return nil, nil, nil
	}
	text, err := res.AsYAML()
	if err != nil {
		return nil, nil, err
	}
	escaped, left, taken := escapeUnknown(string(text), vars)
	if len(left) > 0 {
		value, err := yaml.YAMLToJSON([]byte(escaped))
		if err != nil {
			return nil, nil, fmt.Errorf("YAMLToJSON: %w", err)
		}
		if err := res.UnmarshalJSON(value); err != nil {
			return nil, nil, fmt.Errorf("UnmarshalJSON: %w", err)
		}
	}
	return sorted(left), sorted(taken), nil
}

// escapeUnknown reads a text as envsubst does: `$$` stands for a dollar, `${`
// begins an expression.
func escapeUnknown(text string, vars map[string]string) (escaped string, left, taken map[string]bool) {
	left, taken = map[string]bool{}, map[string]bool{}
	var out strings.Builder
	for len(text) > 0 {
		next := strings.IndexByte(text, '$')
		if next < 0 {
			break
		}
		out.WriteString(text[:next])
		text = text[next:]
		length := 1
		switch {
		case strings.HasPrefix(text, "$$"):
			length = 2
		case strings.HasPrefix(text, "${"):
			length = expressionLength(text)
		}
		part := text[:length]
		text = text[length:]
		if strings.HasPrefix(part, "${") {
			missing, err := evaluate(part, vars)
			names := taken
			if err != nil {
				names = left
				part = strings.ReplaceAll(part, "$", "$$")
			}
			for _, name := range missing {
				names[name] = true
			}
		}
		out.WriteString(part)
	}
	out.WriteString(text)
	return out.String(), left, taken
}

// expressionLength is that of the expression at the start of a text; 1 where
// there is none, which upstream then refuses.
func expressionLength(text string) int {
	for end := strings.IndexByte(text, '}'); end >= 0; {
		tree, err := parse.Parse(text[:end+1])
		if err == nil {
			if _, whole := tree.Root.(*parse.FuncNode); whole {
				return end + 1
			}
		}
		next := strings.IndexByte(text[end+1:], '}')
		// Of a manifest's length an expression is not.
		if next < 0 || end > 4096 {
			break
		}
		end += 1 + next
	}
	return 1
}

// evaluate returns the variables without a value that an expression asks for,
// and an error if it cannot do without one of them.
func evaluate(expression string, vars map[string]string) ([]string, error) {
	var missing []string
	_, err := envsubst.Eval(expression, func(name string) (string, bool) {
		value, known := vars[name]
		if !known {
			missing = append(missing, name)
		}
		return value, known
	})
	if len(missing) == 0 {
		// What else is wrong upstream says itself.
		return nil, nil
	}
	return missing, err
}

func sorted(names map[string]bool) []string {
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	sort.Strings(list)
	return list
}
