package app

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// maxConfigFile bounds the configuration file; a real one has some 20 lines.
const maxConfigFile = 1 << 20

// envPrefix begins the name of every environment variable that is a setting.
const envPrefix = "GATEHOUSE_"

// A Setting is one field of a [Config] under its name. It is a flag value, as
// the command line wants it.
type Setting struct {
	Name string // as in --name
	Help string // one line for the usage text
	file string // its name in the configuration file, if another
	kind string // what the value is called in the usage text
	v    reflect.Value
}

// Settings returns all settings of c, in the order of its fields. Setting one
// changes c.
func (c *Config) Settings() []Setting {
	v := reflect.ValueOf(c).Elem()
	list := make([]Setting, 0, v.NumField())
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag
		if tag.Get("name") == "" {
			continue // not a setting of its own
		}
		list = append(list, Setting{Name: tag.Get("name"), Help: tag.Get("help"), file: tag.Get("file"), kind: tag.Get("kind"), v: v.Field(i)})
	}
	return list
}

// Env is the name of the environment variable of the setting.
func (s Setting) Env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Set reads the setting's value from text.
func (s Setting) Set(text string) error {
	switch p := s.v.Addr().Interface().(type) {
	case *string:
		*p = text
	case *bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		*p = b
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("%q is not a time: write a number with a unit, for example 10s or 1m30s", text)
		}
		*p = d
	case *int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		*p = n
	case *Size:
		n, err := parseSize(text)
		if err != nil {
			return err
		}
		*p = n
	case *Pairs:
		return p.add(text)
	default:
		panic("setting " + s.Name + " has a type that Set does not know")
	}
	return nil
}

// String is the setting's value as Set would read it.
func (s Setting) String() string {
	if !s.v.IsValid() {
		return ""
	}
	return fmt.Sprint(s.v.Interface())
}

// IsPairs tells whether the setting is a list of pairs, given as a map in the
// configuration file.
func (s Setting) IsPairs() bool { return s.v.Kind() == reflect.Map }

// Type is what the value is called in the usage text.
func (s Setting) Type() string { return s.kind }

// IsBool tells whether the setting is a switch, whose value may be left out on
// the command line.
func (s Setting) IsBool() bool { return s.v.Kind() == reflect.Bool }

// isZeroNumber tells whether the setting is a number, a size or a time that is
// not above zero.
func (s Setting) isZeroNumber() bool { return s.v.CanInt() && s.v.Int() <= 0 }

// A Size is a number of bytes. It is written as a number, or as one with the
// unit KiB, MiB or GiB.
type Size int64

// units of a Size, the largest first.
var units = []struct {
	name string
	size Size
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}}

// String writes s with the largest unit that fits it exactly.
func (s Size) String() string {
	for _, u := range units {
		if s != 0 && s%u.size == 0 {
			return strconv.FormatInt(int64(s/u.size), 10) + u.name
		}
	}
	return strconv.FormatInt(int64(s), 10)
}

func parseSize(text string) (Size, error) {
	number, unit := text, Size(1)
	for _, u := range units {
		if rest, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = rest, u.size
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(number), 10, 64)
	if err != nil || n < 0 || n > int64(1<<40/unit) {
		return 0, fmt.Errorf("%q is not a size: write a number of bytes, or one with a unit, for example 64KiB", text)
	}
	return Size(n) * unit, nil
}

// ReadFile changes the settings that stand in the YAML file name. Unknown
// keys, keys given twice and values of the wrong type are errors, each with
// the line it stands on.
func (c *Config) ReadFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err != nil {
		return fmt.Errorf("read configuration: %w", err)
	}
	if len(text) > maxConfigFile {
		return fmt.Errorf("%s: larger than %d bytes: this is not a configuration file", name, maxConfigFile)
	}
	var doc, second yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&doc); err == io.EOF { // nothing but comments
		return nil
	} else if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch err := dec.Decode(&second); {
	case err == nil:
		return fmt.Errorf("%s:%d: a second document: want all settings in one, without ---", name, second.Line)
	case err != io.EOF:
		return fmt.Errorf("%s: %w", name, err)
	}
	return c.readMapping(name, doc.Content[0])
}

func (c *Config) readMapping(file string, m *yaml.Node) error {
	if m.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: want settings, one a line, as in \"listen: 127.0.0.1:8080\"", file, m.Line)
	}
	settings := c.Settings()
	seen := map[string]int{}
	var errs []error
	for i := 0; i < len(m.Content); i += 2 {
		key, value := m.Content[i], m.Content[i+1]
		var err error
		switch key.Value {
		case functionsKey:
			err = c.readFunctions(file, value)
		case clustersKey:
			err = c.readClusters(value)
		default:
			err = readPair(settings, key, value)
		}
		if line := seen[key.Value]; line > 0 {
			err = fmt.Errorf("%s: set already on line %d", key.Value, line)
		}
		seen[key.Value] = key.Line
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %w", file, key.Line, err))
		}
	}
	return errors.Join(errs...)
}

func readPair(settings []Setting, key, value *yaml.Node) error {
	s, err := find(settings, key.Value)
	if err != nil {
		return err
	}
	if s.IsPairs() {
		return readPairs(s, value)
	}
	if value.Kind != yaml.ScalarNode {
		return fmt.Errorf("%s: want one value, not a list, a map or an alias", s.Name)
	}
	// A number is fine where text is wanted (account: 000000000000), and its
	// spelling is kept; a quoted "true" is not a switch.
	if s.IsBool() && value.Tag != "!!bool" {
		return fmt.Errorf("%s: %q is neither true nor false", s.Name, value.Value)
	}
	text := value.Value
	if value.Tag == "!!null" {
		text = ""
	}
	if err := s.Set(text); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

func find(settings []Setting, name string) (Setting, error) {
	for _, s := range settings {
		if s.Name == name || s.file == name {
			return s, nil
		}
	}
	if s := nearest(settings, name); s != "" {
		return Setting{}, fmt.Errorf("unknown setting %q (did you mean %q?)", name, s)
	}
	return Setting{}, fmt.Errorf("unknown setting %q", name)
}

// nearest returns the setting that name may be a misspelling of: at most two
// letters away, underscores being taken for dashes.
func nearest(settings []Setting, name string) string {
	name = strings.ReplaceAll(name, "_", "-")
	best, at := "", 3
	for _, s := range settings {
		if d := distance(name, s.Name); d < at {
			best, at = s.Name, d
		}
	}
	return best
}

// distance is the number of letters to change, add or remove to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}

// ReadEnv changes the settings that stand in environ, a list of NAME=value. It
// returns the names that begin like a setting but are none.
func (c *Config) ReadEnv(environ []string) (unknown []string, err error) {
	byEnv := map[string]Setting{}
	for _, s := range c.Settings() {
		byEnv[s.Env()] = s
	}
	var errs []error
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || name == ConfigEnv {
			continue
		}
		s, ok := byEnv[name]
		if !ok {
			unknown = append(unknown, name)
			continue
		}
		if err := s.Set(value); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	return unknown, errors.Join(errs...)
}

// ConfigEnv is the environment variable that names the configuration file.
const ConfigEnv = envPrefix + "CONFIG"
