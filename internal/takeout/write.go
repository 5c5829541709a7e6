package takeout

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// ManifestName is the file of a directory that says what the others are.
const ManifestName = "pull.json"

// A Manifest says what is in a directory of templates, and how to deploy it.
type Manifest struct {
	Region string     `json:"region"`
	Stacks []Deployed `json:"stacks"` // in the order in which they are deployed
	Left   []Left     `json:"left"`
}

// Deployed is a stack of a [Manifest].
type Deployed struct {
	Name       string   `json:"stackName"`
	About      string   `json:"about"`
	Templates  []string `json:"templates"` // files, deployed one after the other
	Parameters string   `json:"parameters,omitempty"`
}

// Write writes a takeout into a directory: templates in YAML, the manifest, and
// for secret values a file that only its owner may read.
//
// Files of an earlier takeout that this one does not have are removed: those
// that the manifest there lists, and no others.
func (o *Takeout) Write(dir, region string) (*Manifest, error) {
	m := &Manifest{Region: region, Left: o.Left, Stacks: []Deployed{}}
	if m.Left == nil {
		m.Left = []Left{}
	}
	before, err := ReadManifest(dir)
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	kept := map[string]bool{}
	for _, st := range o.Stacks {
		d, err := st.write(dir)
		if err != nil {
			return nil, err
		}
		m.Stacks = append(m.Stacks, *d)
		for _, name := range append(d.Templates, d.Parameters) {
			kept[name] = true
		}
	}
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, ManifestName), append(text, '\n'), 0o644); err != nil {
		return nil, err
	}
	if before == nil {
		return m, nil
	}
	for _, st := range before.Stacks {
		for _, name := range append(st.Templates, st.Parameters) {
			if name != "" && !kept[name] && filepath.IsLocal(name) {
				if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
					return nil, err
				}
			}
		}
	}
	return m, nil
}

func (s *Stack) write(dir string) (*Deployed, error) {
	d := &Deployed{Name: s.Name, About: s.About}
	name := s.Name
	if api, ok := strings.CutPrefix(name, "api-"); ok {
		name = filepath.Join("apis", api)
	}
	if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
		return nil, err
	}
	for i := range s.Steps {
		file := name + ".yaml"
		if i < len(s.Steps)-1 {
			file = fmt.Sprintf("%s.%d.yaml", name, i+1)
		}
		var b bytes.Buffer
		enc := yaml.NewEncoder(&b)
		enc.SetIndent(2)
		if err := enc.Encode(&s.Steps[i]); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), b.Bytes(), 0o644); err != nil {
			return nil, err
		}
		d.Templates = append(d.Templates, file)
	}
	if len(s.Parameters) == 0 {
		return d, nil
	}
	d.Parameters = name + ".parameters.json"
	return d, writeParameters(filepath.Join(dir, d.Parameters), s.Parameters)
}

// A parameterValue is a parameter as the aws command reads them from files.
type parameterValue struct {
	ParameterKey   string
	ParameterValue string
}

// writeParameters writes secret values: nobody but the owner may read them, also
// where there was a file that others could.
func writeParameters(path string, values map[string]string) error {
	list := []parameterValue{}
	for _, k := range sortedKeys(values) {
		list = append(list, parameterValue{k, values[k]})
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

// ReadManifest reads the manifest of a directory.
func ReadManifest(dir string) (*Manifest, error) {
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if err != nil {
		return nil, err
	}
	m := &Manifest{}
	if err := json.Unmarshal(text, m); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, ManifestName), err)
	}
	for _, st := range m.Stacks {
		for _, name := range append(st.Templates, st.Parameters) {
			if name != "" && !filepath.IsLocal(name) {
				return nil, fmt.Errorf("%s: %q is outside of the directory", ManifestName, name)
			}
		}
	}
	return m, nil
}

// ReadParameters reads a file of parameters.
func ReadParameters(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []parameterValue
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	out := map[string]string{}
	for _, p := range list {
		out[p.ParameterKey] = p.ParameterValue
	}
	return out, nil
}
